-- Fills room that a tenant has, with the heads of its lanes that have waited longest; class first. Other lanes are
-- locked with SKIP LOCKED and never waited for: the caller may hold the tenant's row, which comes last in the lock order.
-- Whoever holds such a lane has not had the tenant's row yet, and so finds the room itself.
create or replace function internal.promote_tenant(p_org_id uuid, p_most integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  -- In a variable, because an index can't be asked for what changes while it is read.
  v_now timestamptz := cowork.now();
  v_room integer;
  v_candidates uuid[];
  v_locked uuid[];
  v_promoted integer := 0;
begin
  select least(internal.quota(p_org_id, 'concurrent_sessions') - t.promoted, p_most) into v_room
    from cowork.tenants t where t.org_id = p_org_id;
  if v_room is null or v_room <= 0 then
    return 0;
  end if;
  select array_agg(h.lane_id order by c.class, h.available_at, h.lane_id) into v_candidates
    from (values (0::smallint), (1::smallint), (2::smallint)) c (class)
      cross join lateral (
        select w.lane_id, w.available_at from cowork.work w
          where w.org_id = p_org_id and w.class = c.class and w.status = 'queued' and w.is_head and w.available_at <= v_now
          order by w.available_at limit v_room + 4) h;
  -- Not more at once than there is room for: a lane that is locked here is one that others skip.
  while v_promoted < v_room and cardinality(v_candidates) > 0 loop
    select array_agg(c.lane_id order by c.n) into v_locked from (
      select u.lane_id, u.n from unnest((select v_candidates)) with ordinality u (lane_id, n) join cowork.lanes l on l.lane_id = u.lane_id
        order by u.n limit (select v_room - v_promoted) for no key update of l skip locked) c;
    exit when v_locked is null;
    v_promoted := v_promoted + internal.promote_lanes(v_locked);
    v_candidates := v_candidates[array_position(v_candidates, v_locked[cardinality(v_locked)]) + 1 :];
  end loop;
  return v_promoted;
end $$;
grant execute on function internal.promote_tenant(uuid, integer) to cowork_scheduler;
