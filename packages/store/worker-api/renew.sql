-- Renews leases; one row per input. Race closed: a renewal after expiry is refused even when nobody has re-claimed yet,
-- because whoever reads the lane next may take it. Carries the signals that wait for the holder; they stay until the
-- attempt ends, so a lost answer loses none.
create or replace function worker_api_v1.renew(p_tokens text[], p_ttl_ms integer)
returns table (idx integer, ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_input record;
  v_held record;
  v_lane cowork.lanes;
  v_reason text;
  v_expires_at timestamptz;
begin
  if p_ttl_ms is null or p_ttl_ms not between 1000 and internal.most_lease_ms() or cardinality(p_tokens) > 200 then
    raise exception 'malformed renew' using errcode = '22023';
  end if;
  perform internal.lock_lanes(p_tokens);
  for v_input in
    select t.token, t.n::integer as n from unnest(p_tokens) with ordinality t (token, n)
      left join cowork.lanes l on l.token_hash = encode(sha256(convert_to(t.token, 'UTF8')), 'hex')
      order by l.lane_id nulls last, t.token, t.n
  loop
    select h.lane, h.reason into v_held from internal.lock_lease(v_input.token, 'renewals', true) h;
    v_lane := v_held.lane;
    v_reason := v_held.reason;
    -- One that merely expires is rotated beside running work; one that a person revoked ends it.
    if v_reason is null and not exists (
      select from cowork.workers w where w.worker_id = v_lane.worker_id and w.status in ('active', 'draining', 'unhealthy')
        and exists (select from cowork.worker_credentials c where c.worker_id = w.worker_id and c.revoked_at is null)
    ) then
      v_reason := 'worker_not_active';
    end if;
    if v_reason is not null then
      return query select v_input.n, false, v_reason, null::jsonb;
      continue;
    end if;
    v_expires_at := cowork.now() + make_interval(secs => p_ttl_ms / 1000.0);
    update cowork.lanes l set lease_expires_at = v_expires_at, renewals = l.renewals + 1, renewed_at = cowork.now()
      where l.lane_id = v_lane.lane_id;
    update cowork.work w set lease_expires_at = v_expires_at, last_heartbeat_at = cowork.now() where w.work_id = v_lane.work_id;
    return query select v_input.n, true, null::text, internal.signals_of(v_lane.work_id);
  end loop;
end $$;
grant execute on function worker_api_v1.renew(text[], integer) to cowork_worker;
