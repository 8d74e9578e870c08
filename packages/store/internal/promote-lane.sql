-- Makes the heads of these lanes claimable, in the order given, as far as they are due and their tenant has room; all
-- are of one tenant. The caller holds the lanes' locks, taken in an earlier statement: a look in the locking statement
-- itself would use a snapshot from before the wait and lose the wake-up of a row that was enqueued meanwhile.
--
-- The tag is given here and not at enqueue, because only here is the row claimable: start-time fair queueing between
-- tenants, by which a tenant's next row stands 1/weight behind its last one, or at the front if it was away. The front is
-- that of the whole pool, because a claim compares the rows of all its routes. A tenant keeps one tag for all pools, so
-- what it was given elsewhere counts for no more than the rows that it has in the window now.
create or replace function internal.promote_lanes(p_lane_ids uuid[]) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := cowork.now();
  v_heads cowork.work[];
  v_head cowork.work;
  v_tenant cowork.tenants;
  v_room bigint;
  v_route_id integer;
  v_class smallint;
  v_floor double precision;
  v_tags double precision[] := '{}';
  v_ids uuid[] := '{}';
begin
  select array_agg(h order by u.n) into v_heads from unnest((select p_lane_ids)) with ordinality u (lane_id, n) cross join lateral (
    select w.* from cowork.work w
      where w.lane_id = u.lane_id and w.status in ('queued', 'ready', 'leased', 'parked')
      order by w.position limit 1) h
    where h.status = 'queued' and (h.available_at <= v_now or not h.is_head);
  if v_heads is null then
    return 0;
  end if;
  -- Shared with other promotions, against whoever raises the floors: no tag below a floor is given behind its back.
  foreach v_head in array v_heads loop
    if v_head.available_at <= v_now and v_head.route_id is distinct from v_route_id then
      v_route_id := v_head.route_id;
      perform pg_advisory_xact_lock_shared(7482102, v_route_id);
    end if;
  end loop;

  select t.* into v_tenant from cowork.tenants t where t.org_id = v_heads[1].org_id for no key update;
  v_room := internal.quota(v_tenant.org_id, 'concurrent_sessions') - v_tenant.promoted;
  v_route_id := null;
  foreach v_head in array v_heads loop
    if v_head.available_at > v_now or cardinality(v_ids) >= v_room then
      if not v_head.is_head then
        update cowork.work w set is_head = true where w.work_id = v_head.work_id;
      end if;
      continue;
    end if;
    -- The rest of one route and class stands behind the first of them: each tag is beyond the one before.
    if (v_head.route_id, v_head.class) is distinct from (v_route_id, v_class) then
      v_route_id := v_head.route_id;
      v_class := v_head.class;
      select greatest(r.floor, coalesce(min(h.tag), max(o.floor))) into v_floor
        from cowork.routes r join cowork.routes o on o.pool_id = r.pool_id left join lateral (
          select w.tag from cowork.work w
            where w.route_id = o.route_id and w.class = v_class and w.tag >= o.floor and w.status = 'ready' and w.preferred_boot_id is null
            order by w.tag limit 1) h on true
        where r.route_id = v_route_id group by r.floor;
    end if;
    v_tenant.last_tag := least(greatest(v_tenant.last_tag + 1 / v_tenant.weight, v_floor),
      v_floor + (v_tenant.promoted + cardinality(v_ids) + 1) / v_tenant.weight);
    v_tags := v_tags || v_tenant.last_tag;
    v_ids := v_ids || v_head.work_id;
  end loop;
  if cardinality(v_ids) = 0 then
    return 0;
  end if;

  update cowork.tenants t
    set promoted = t.promoted + cardinality(v_ids), waiting = t.waiting - cardinality(v_ids), last_tag = v_tenant.last_tag
    where t.org_id = v_tenant.org_id;
  -- Whoever served a lane last may still have its runtime warm, and gets a moment to take it first.
  update cowork.work w set status = 'ready', is_head = true, ready_at = v_now, tag = u.tag, preferred_boot_id = (
      select i.boot_id from cowork.lanes l join cowork.worker_incarnations i on i.boot_id = l.last_boot_id
        join cowork.workers s on s.worker_id = i.worker_id and s.status = 'active'
        where l.lane_id = w.lane_id and not i.draining and i.last_seen_at > v_now - interval '10 seconds')
    from unnest((select v_ids), (select v_tags)) u (work_id, tag) where w.work_id = u.work_id and w.status = 'queued';
  return cardinality(v_ids);
end $$;

create or replace function internal.promote_lane(p_lane_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return internal.promote_lanes(array[p_lane_id]) > 0;
end $$;
grant execute on function internal.promote_lane(uuid) to cowork_scheduler;
