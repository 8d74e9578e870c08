-- Takes back one lease that expired or whose worker was revoked. Race closed: the owner may renew or finish between the
-- scheduler's look and this call, so the lane is locked (skipping one that somebody is writing to: the next tick comes
-- soon) and looked at again. An organisation's row that somebody sits on is waited for briefly: `busy`, and everybody
-- else's leases come first.
create or replace function internal.recover_lease(p_lane_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '500ms'
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_lane cowork.lanes;
  v_reason text := 'worker_lost';
begin
  select l.* into v_lane from cowork.lanes l where l.lane_id = p_lane_id for no key update skip locked;
  if not found or v_lane.work_id is null then
    return null;
  end if;
  if v_lane.lease_expires_at > cowork.now() then
    if not exists (select from cowork.workers w where w.worker_id = v_lane.worker_id and w.status = 'revoked') then
      return null;
    end if;
    v_reason := 'worker_revoked';
  end if;
  begin
    return internal.end_attempt(v_lane, 'lost', v_reason);
  exception when lock_not_available then
    return jsonb_build_object('decision', 'busy');
  end;
end $$;
grant execute on function internal.recover_lease(uuid) to cowork_scheduler;
