-- Ends the attempt that a lane holds, decides what becomes of its work and clears the lease; the caller has locked the
-- lane and knows the attempt is over. One body for finish, release and recovery, so that they can't drift apart:
--   succeeded | failed | cancelled   the work is over
--   retried | lost                   another attempt follows after a pause, while strikes last; then a dead letter
--   released                         another attempt follows at once and nothing counts
create or replace function internal.end_attempt(p_lane cowork.lanes, p_outcome text, p_reason text)
returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_now timestamptz := cowork.now();
  v_work cowork.work;
  v_strikes integer;
  v_decision text := p_outcome;
  v_pause interval := interval '0';
  v_through bigint;
begin
  select w.* into v_work from cowork.work w where w.work_id = p_lane.work_id for no key update;
  v_strikes := v_work.strikes + case when p_outcome in ('retried', 'lost') then 1 else 0 end;
  if p_outcome in ('retried', 'lost') then
    v_decision := case when v_strikes >= internal.max_strikes() then 'dead' else 'queued' end;
    -- A lost worker costs its lease already; an error of the runtime or the provider waits 1, 2, 4 … s, ± 20 %.
    if p_outcome = 'retried' then
      v_pause := make_interval(secs => least(60, power(2, v_strikes - 1)) * (0.8 + 0.4 * random()));
    end if;
  elsif p_outcome = 'released' then
    v_decision := 'queued';
  end if;

  update cowork.lanes l set work_id = null, command_id = null, attempt = null, token_hash = null, lease_expires_at = null,
      worker_id = null, boot_id = null, last_batch_no = null, last_answer = null
    where l.lane_id = p_lane.lane_id;
  update cowork.work w set status = v_decision, strikes = v_strikes, leased_by = null, lease_expires_at = null,
      ready_at = null, available_at = v_now + v_pause,
      completed_at = case when v_decision = 'succeeded' then v_now end,
      failed_at = case when v_decision in ('failed', 'dead') then v_now end,
      reason = p_reason
    where w.work_id = p_lane.work_id;
  delete from cowork.signals s where s.work_id = p_lane.work_id;

  if v_decision = 'queued' then
    update cowork.commands c set status = 'waiting', reason = p_reason
      where c.org_id = p_lane.org_id and c.command_id = p_lane.command_id;
    v_through := internal.state_fact(p_lane.lane_id, 'attempt.lost', p_lane.attempt, p_lane.command_id,
      jsonb_build_object('commandId', p_lane.command_id, 'attempt', p_lane.attempt, 'reason', p_reason));
  else
    update cowork.commands c set status = case v_decision when 'dead' then 'failed' else v_decision end,
        reason = case v_decision when 'dead' then 'attempts_exhausted' else p_reason end, ended_at = v_now
      where c.org_id = p_lane.org_id and c.command_id = p_lane.command_id;
    v_through := internal.state_fact(p_lane.lane_id, 'command.finished', p_lane.attempt, p_lane.command_id,
      jsonb_build_object('commandId', p_lane.command_id, 'attempt', p_lane.attempt,
        'outcome', case v_decision when 'dead' then 'failed' else v_decision end,
        'reason', case v_decision when 'dead' then 'attempts_exhausted' else p_reason end));
  end if;
  update cowork.sessions s set updated_at = v_now where s.org_id = p_lane.org_id and s.session_id = p_lane.session_id;

  insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
    values (p_lane.org_id,
      case v_decision when 'succeeded' then 'work_completed' when 'queued' then 'work_retried' when 'dead' then 'work_dead_lettered'
        when 'cancelled' then 'work_cancelled' else 'work_failed' end,
      p_reason, case p_outcome when 'lost' then 'scheduler' else 'worker' end, p_lane.worker_id,
      jsonb_build_object('workId', p_lane.work_id, 'attempt', p_lane.attempt, 'outcome', p_outcome));
  update cowork.attempts a set ended_at = v_now, outcome = p_outcome, reason = p_reason,
      answer = jsonb_build_object('through', v_through)
    where a.work_id = p_lane.work_id and a.attempt = p_lane.attempt;
  perform internal.promote_lane(p_lane.lane_id);
  return jsonb_build_object('through', v_through, 'decision', v_decision);
end $$;
