-- Takes back one expired lease. Race closed: the owner may renew or finish between the scheduler's look and this call,
-- so the lane is locked (skipping one that somebody is writing to: the next tick comes soon) and looked at again.
create or replace function internal.recover_lease(p_lane_id uuid) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_lane cowork.lanes;
begin
  select l.* into v_lane from cowork.lanes l where l.lane_id = p_lane_id for no key update skip locked;
  if not found or v_lane.work_id is null or v_lane.lease_expires_at > cowork.now() then
    return null;
  end if;
  return internal.end_attempt(v_lane, 'lost', 'worker_lost');
end $$;
grant execute on function internal.recover_lease(uuid) to cowork_scheduler;
