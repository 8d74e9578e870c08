-- Ends asks that nobody answered in time; their holders tell the runtime no. Race closed: a person may decide between the
-- look and the lock, so the row is looked at again under its lane's lock; a lane that somebody writes to is passed over,
-- because the next tick comes soon.
create or replace function internal.expire_decisions(p_limit integer) returns table (session_id uuid)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_id record;
  v_lane cowork.lanes;
  v_decision cowork.decisions;
  v_now timestamptz := cowork.now();
begin
  for v_id in
    select d.org_id, d.decision_id, d.session_id from cowork.decisions d
      where d.status = 'open' and d.expires_at <= v_now order by d.expires_at limit p_limit
  loop
    select l.* into v_lane from cowork.lanes l where l.session_id = v_id.session_id for no key update skip locked;
    continue when not found;
    select d.* into v_decision from cowork.decisions d
      where d.org_id = v_id.org_id and d.decision_id = v_id.decision_id and d.status = 'open';
    continue when not found;
    perform internal.settle_decision(v_lane, v_decision, 'expired', null, null, null, cowork.now());
    return query select v_id.session_id;
  end loop;
end $$;
grant execute on function internal.expire_decisions(integer) to cowork_scheduler;
