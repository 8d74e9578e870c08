-- Why a piece of work is not running, from the same facts that promotion and claim decide by; the first true line is the
-- reason. Never a guess: a row that could be claimed right now says so.
create or replace function internal.explain_waiting(p_org_id uuid, p_work_id uuid)
returns table (reason text, details jsonb)
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_work cowork.work;
  v_route cowork.routes;
  v_ahead record;
  v_most bigint := internal.quota(p_org_id, 'concurrent_sessions');
  v_promoted bigint;
begin
  select w.* into v_work from cowork.work w where w.org_id = p_org_id and w.work_id = p_work_id;
  if not found then
    return;
  end if;
  select r.* into v_route from cowork.routes r where r.route_id = v_work.route_id;
  if v_work.status in ('succeeded', 'failed', 'cancelled', 'dead') then
    return query select 'over', jsonb_build_object('status', v_work.status, 'reason', v_work.reason);
    return;
  end if;
  -- Renewed three times per lease: who missed one and half of the next is probably gone.
  if v_work.status = 'leased' and cowork.now() > v_work.last_heartbeat_at + (v_work.lease_expires_at - v_work.last_heartbeat_at) / 2 then
    return query select 'owner_silent', jsonb_build_object('attempt', v_work.attempt, 'heardAt', v_work.last_heartbeat_at,
      'leaseExpiresAt', v_work.lease_expires_at);
    return;
  end if;
  if v_work.status = 'parked' or exists (
    select from cowork.decisions d where d.session_id = v_work.session_id and d.work_id = v_work.work_id and d.status = 'open'
  ) then
    return query select 'waits_for_person', '{}'::jsonb;
    return;
  end if;
  if v_work.status = 'leased' then
    return query select 'running', jsonb_build_object('attempt', v_work.attempt, 'claimedAt', v_work.claimed_at);
    return;
  end if;
  select w.work_id, w.status into v_ahead from cowork.work w
    where w.lane_id = v_work.lane_id and w.position < v_work.position and w.status in ('queued', 'ready', 'leased', 'parked')
    order by w.position limit 1;
  if found then
    return query select 'behind_in_its_session', jsonb_build_object('workId', v_ahead.work_id, 'status', v_ahead.status);
    return;
  end if;
  if v_work.status = 'queued' and v_work.available_at > cowork.now() then
    return query select 'not_due', jsonb_build_object('availableAt', v_work.available_at, 'lastFailure', v_work.reason);
    return;
  end if;
  select t.promoted into v_promoted from cowork.tenants t where t.org_id = p_org_id;
  if v_work.status = 'queued' and v_promoted >= v_most then
    return query select 'over_quota', jsonb_build_object('quota', 'concurrent_sessions', 'most', v_most, 'used', v_promoted);
    return;
  end if;
  if not exists (
    select from cowork.workers w left join cowork.worker_incarnations i using (worker_id)
      where w.pool_id = v_route.pool_id and w.status = 'active' and i.draining is not true
        -- One that was never heard of may claim as well, until it is called unhealthy for that.
        and coalesce(i.last_seen_at, w.status_changed_at) > cowork.now() - interval '30 seconds'
        and (v_route.capabilities = '{}' or coalesce(i.report -> 'capabilities' ?& v_route.capabilities, false))
  ) then
    return query select 'no_worker', jsonb_build_object('poolId', v_route.pool_id, 'capabilities', v_route.capabilities);
    return;
  end if;
  if v_work.status = 'queued' then
    return query select 'about_to_be_promoted', '{}'::jsonb;
    return;
  end if;
  if not exists (
    select from cowork.workers w left join cowork.worker_incarnations i using (worker_id)
      where w.pool_id = v_route.pool_id and w.status = 'active' and i.draining is not true
        and coalesce(i.last_seen_at, w.status_changed_at) > cowork.now() - interval '30 seconds'
        and (v_route.capabilities = '{}' or coalesce(i.report -> 'capabilities' ?& v_route.capabilities, false))
        and i.report -> 'load' ->> 'shortOf' is null
  ) then
    return query select 'capacity_unavailable', jsonb_build_object('poolId', v_route.pool_id, 'shortOf', 'memory');
    return;
  end if;
  return query select 'waits_for_a_free_lane', jsonb_build_object('readyAt', v_work.ready_at, 'ahead', (
    select count(*) from (select from cowork.work w
      where w.route_id = v_work.route_id and w.status = 'ready' and w.preferred_boot_id is null
        and (w.class, w.tag) < (v_work.class, v_work.tag) limit 1000) a));
end $$;
grant execute on function internal.explain_waiting(uuid, uuid) to cowork_web;
