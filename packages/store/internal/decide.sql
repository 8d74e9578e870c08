-- Records what a person decided about an ask, and leaves a signal for whoever holds the lease. Races closed:
--   two people decide at once       the lane's lock; the first one counts, the same answer of the same person is a repeat
--   it expires or its attempt ends  both move the decision under the same lock: a compare-and-set on open finds out
--   the lease ran out unnoticed     nobody would apply it, so it counts as gone already
create or replace function internal.decide(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_decision_id uuid, p_status text,
  p_answers jsonb)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane cowork.lanes;
  v_decision cowork.decisions;
  v_now timestamptz;
  v_role text;
  v_name text;
begin
  select l.* into v_lane from cowork.lanes l where l.org_id = p_org_id and l.session_id = p_session_id for no key update;
  select d.* into v_decision from cowork.decisions d
    where d.org_id = p_org_id and d.session_id = p_session_id and d.decision_id = p_decision_id;
  if not found then
    return query select false, 'decision_unknown', null::jsonb;
    return;
  end if;
  select m.role, u.display_name into v_role, v_name from cowork.memberships m join cowork.users u using (user_id)
    where m.org_id = p_org_id and m.user_id = p_user_id;
  if v_role is null or v_role = 'viewer' then
    return query select false, 'forbidden', null::jsonb;
    return;
  end if;
  if not (case v_decision.kind when 'approval' then p_status in ('approved', 'refused') and p_answers is null
      else p_status = 'refused' and p_answers is null
        or p_status = 'answered' and jsonb_array_length(p_answers) = jsonb_array_length(v_decision.request -> 'questions') end) then
    return query select false, 'decision_answer_misfit', null::jsonb;
    return;
  end if;
  if v_decision.decided_by = p_user_id and v_decision.status = p_status and v_decision.answers is not distinct from p_answers then
    return query select true, null::text, jsonb_build_object('status', p_status);
    return;
  end if;
  v_now := cowork.now();
  if v_decision.status = 'expired' or v_decision.status = 'open' and v_decision.expires_at <= v_now then
    return query select false, 'decision_expired', null::jsonb;
    return;
  end if;
  if v_decision.status <> 'open' or v_lane.work_id is distinct from v_decision.work_id
    or v_lane.attempt is distinct from v_decision.attempt or v_lane.lease_expires_at <= v_now
  then
    return query select false, 'decision_not_open', null::jsonb;
    return;
  end if;

  perform internal.settle_decision(v_lane, v_decision, p_status, p_user_id, v_name, p_answers, v_now);
  return query select true, null::text, jsonb_build_object('status', p_status);
end $$;
grant execute on function internal.decide(uuid, uuid, uuid, uuid, text, jsonb) to cowork_web;

-- Moves an open decision to what became of it, by a person or by time; the caller has locked the lane.
create or replace function internal.settle_decision(p_lane cowork.lanes, p_decision cowork.decisions, p_status text, p_user_id uuid,
  p_name text, p_answers jsonb, p_at timestamptz)
returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update cowork.decisions d set status = p_status, decided_by = p_user_id, decided_at = p_at, answers = p_answers
    where d.org_id = p_decision.org_id and d.decision_id = p_decision.decision_id;
  perform internal.state_fact(p_lane.lane_id, 'decision.made', p_decision.attempt, p_decision.command_id,
    jsonb_build_object('decisionId', p_decision.decision_id, 'status', p_status, 'by', p_name, 'answers', p_answers), p_at);
  insert into cowork.feed (org_id, topic, entity_id) values (p_decision.org_id, 'inbox', p_decision.session_id);
  update cowork.sessions s set updated_at = p_at where s.org_id = p_decision.org_id and s.session_id = p_decision.session_id;
  if p_lane.work_id = p_decision.work_id and p_lane.attempt = p_decision.attempt then
    insert into cowork.signals (signal_id, org_id, session_id, work_id, kind, payload, created_by)
      values (p_decision.decision_id, p_decision.org_id, p_decision.session_id, p_decision.work_id, 'decision',
        jsonb_build_object('decisionId', p_decision.decision_id, 'requestHash', p_decision.request_hash, 'status', p_status,
          'answers', p_answers), p_user_id);
  end if;
  -- Ids and codes: what was asked and answered stays in the session.
  insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
    values (p_decision.org_id, 'decision_made', p_status, case when p_user_id is null then 'scheduler' else 'user' end, p_user_id,
      jsonb_build_object('decisionId', p_decision.decision_id, 'kind', p_decision.kind, 'sessionId', p_decision.session_id,
        'workId', p_decision.work_id, 'attempt', p_decision.attempt));
end $$;
