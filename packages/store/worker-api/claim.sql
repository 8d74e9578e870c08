-- Gives work to a worker: the one transaction that makes leases. Races closed:
--   two workers claim at once       the lane's lock with SKIP LOCKED; the loser takes the next row and never waits
--   the answer is lost              tokens derive from the caller's secret, so the same request gets the same leases
--   the work moved meanwhile        candidates are read without a lock and looked at again under it
--   a revoke runs beside it         the worker's row is locked in share: the revoke is seen here, or sees what is claimed
-- It reads one short index per route and class, from the route's floor on: its cost does not depend on any backlog.
create or replace function worker_api_v1.claim(p_credential text, p_boot_id uuid, p_request_secret text, p_limit integer, p_ttl_ms integer)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_worker cowork.workers := internal.worker_principal(p_credential);
  v_incarnation cowork.worker_incarnations;
  v_request_hash text := encode(sha256(convert_to(p_request_secret, 'UTF8')), 'hex');
  v_limit integer := least(greatest(p_limit, 0), 100);
  v_repeated uuid;
  v_lane_ids uuid[];
  v_work_ids uuid[];
  v_lanes cowork.lanes[];
  v_works uuid[];
  v_from integer := 1;
  v_given jsonb := '[]';
begin
  if p_boot_id is null or p_limit is null or coalesce(length(p_request_secret), 0) < 32 or p_ttl_ms is null or p_ttl_ms not between 1000 and internal.most_lease_ms() then
    raise exception 'malformed claim' using errcode = '22023';
  end if;
  if v_worker.worker_id is null then
    return query select false, 'credential_invalid', null::jsonb;
    return;
  end if;
  select w.* into v_worker from cowork.workers w where w.worker_id = v_worker.worker_id for share;

  -- A repeat waits for the first call if that is running still; nobody else has this secret.
  perform pg_advisory_xact_lock(hashtextextended(v_request_hash, 0));
  for v_repeated in
    select l.lane_id from cowork.attempts a join cowork.lanes l on l.token_hash = a.token_hash
      where a.request_hash = v_request_hash and a.worker_id = v_worker.worker_id and a.boot_id = p_boot_id
  loop
    v_given := v_given || internal.describe_lease(v_repeated, p_request_secret);
  end loop;
  -- What was given is told again, whatever has happened to the worker since.
  if jsonb_array_length(v_given) > 0 then
    return query select true, null::text, v_given;
    return;
  end if;
  select i.* into v_incarnation from cowork.worker_incarnations i where i.worker_id = v_worker.worker_id and i.boot_id = p_boot_id;
  if v_worker.status <> 'active' or v_incarnation.draining then
    return query select false, 'worker_not_active', null::jsonb;
    return;
  end if;

  select array_agg(x.lane_id order by x.class, x.tag, x.preferred desc), array_agg(x.work_id order by x.class, x.tag, x.preferred desc)
    into v_lane_ids, v_work_ids from (
    -- Reserved for this process, which is no place further ahead: a warm organisation would starve the others.
    (select w.work_id, w.lane_id, w.class, w.tag, true as preferred from cowork.work w join cowork.routes r using (route_id)
      where w.preferred_boot_id = p_boot_id and w.status = 'ready' and r.pool_id = v_worker.pool_id
        and (r.capabilities = '{}' or coalesce(v_incarnation.report -> 'capabilities' ?& r.capabilities, false))
      order by w.class, w.tag limit v_limit)
    union all
    (select h.work_id, h.lane_id, h.class, h.tag, false from cowork.routes r
      cross join (values (0::smallint), (1::smallint), (2::smallint)) c (class)
      cross join lateral (
        -- More than asked for, because others may hold some of them.
        select w.work_id, w.lane_id, w.class, w.tag from cowork.work w
          where w.route_id = r.route_id and w.class = c.class and w.tag >= r.floor
            and w.status = 'ready' and w.preferred_boot_id is null
          order by w.tag limit v_limit * 2 + 2) h
      where r.pool_id = v_worker.pool_id
        and (r.capabilities = '{}' or coalesce(v_incarnation.report -> 'capabilities' ?& r.capabilities, false)))
    ) x;
  -- As many as there is still room for: what is locked here, others pass over.
  while jsonb_array_length(v_given) < v_limit and v_from <= cardinality(v_lane_ids) loop
    select array_agg(c.lane order by c.n), array_agg(v_work_ids[c.n] order by c.n), max(c.n) + 1 into v_lanes, v_works, v_from from (
      select l as lane, u.n::integer as n from unnest((select v_lane_ids)) with ordinality u (lane_id, n) join cowork.lanes l on l.lane_id = u.lane_id
        where u.n >= v_from and l.work_id is null
        order by u.n limit v_limit - jsonb_array_length(v_given) for no key update of l skip locked) c;
    exit when v_lanes is null;
    v_given := v_given || internal.give_leases(v_lanes, v_works, v_worker, p_boot_id, p_request_secret, p_ttl_ms);
  end loop;
  ok := true;
  answer := v_given;
  return next;
end $$;
grant execute on function worker_api_v1.claim(text, uuid, text, integer, integer) to cowork_worker;
