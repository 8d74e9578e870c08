-- What a batch of runtime events says about approvals and questions, in the transaction of the events themselves: an ask
-- becomes an open decision, and a reply means that the runtime has taken the decision, so that its signal has done its
-- work. The caller has locked and fenced the lanes, and calls this only for the few batches that hold such events.
create or replace function internal.record_asks(p_lanes cowork.lanes[], p_events jsonb[], p_at timestamptz) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  with e as materialized (
    select l.org_id, l.session_id, l.work_id, l.attempt, l.command_id, v.value ->> 'type' as type, v.value -> 'payload' as payload
      from rows from (unnest((select p_lanes)), unnest((select p_events))) l cross join lateral jsonb_array_elements(l.unnest) v
      where v.value ->> 'type' in ('permission.asked', 'question.asked', 'permission.replied', 'question.replied', 'question.rejected')
  ), asked as (
    insert into cowork.decisions (org_id, decision_id, session_id, work_id, attempt, command_id, kind, request, request_hash,
        asked_at, expires_at)
      select e.org_id, (e.payload #>> '{decision,decisionId}')::uuid, e.session_id, e.work_id, e.attempt, e.command_id,
          case e.type when 'permission.asked' then 'approval' else 'question' end, e.payload - 'decision',
          e.payload #>> '{decision,requestHash}', p_at,
          p_at + make_interval(secs => (e.payload #>> '{decision,waitMs}')::integer / 1000.0)
        from e where e.type in ('permission.asked', 'question.asked')
      returning org_id, session_id
  ), applied as (
    update cowork.decisions d set applied_at = p_at
      from e where e.type not in ('permission.asked', 'question.asked') and d.org_id = e.org_id and d.session_id = e.session_id
        and d.decision_id = (e.payload ->> 'decisionId')::uuid and d.applied_at is null and d.status <> 'open'
      returning d.decision_id, d.work_id
  ), signals as (
    delete from cowork.signals s using applied a where s.signal_id = a.decision_id and s.work_id = a.work_id
  ), feed as (
    insert into cowork.feed (org_id, topic, entity_id)
      select distinct a.org_id, t.topic, a.session_id from asked a cross join (values ('session'), ('inbox')) t (topic)
  )
  update cowork.sessions s set updated_at = p_at from (select distinct a.org_id, a.session_id from asked a) a
    where s.org_id = a.org_id and s.session_id = a.session_id;
end $$;
