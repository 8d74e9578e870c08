-- Stops what a session does and cancels what waits in it.
create or replace function internal.stop_session(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_signal_id uuid)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_lane cowork.lanes;
  v_work record;
  v_cancelled integer := 0;
  v_promoted integer := 0;
begin
  select l.* into v_lane from cowork.lanes l where l.org_id = p_org_id and l.session_id = p_session_id for no key update;
  if not found then
    return query select false, 'not_found', null::jsonb;
    return;
  end if;
  for v_work in
    select w.work_id, w.command_id, w.status from cowork.work w
      where w.lane_id = v_lane.lane_id and w.status in ('queued', 'ready') order by w.position
  loop
    update cowork.work w set status = 'cancelled', reason = 'stopped_by_person', is_head = false where w.work_id = v_work.work_id;
    update cowork.commands c set status = 'cancelled', reason = 'stopped_by_person', ended_at = cowork.now()
      where c.org_id = p_org_id and c.command_id = v_work.command_id;
    perform internal.state_fact(v_lane.lane_id, 'command.cancelled', null, v_work.command_id,
      jsonb_build_object('commandId', v_work.command_id, 'reason', 'stopped_by_person'));
    v_cancelled := v_cancelled + 1;
    v_promoted := v_promoted + case v_work.status when 'ready' then 1 else 0 end;
  end loop;
  if v_lane.work_id is not null then
    insert into cowork.signals (signal_id, org_id, session_id, work_id, kind, created_by)
      values (p_signal_id, p_org_id, p_session_id, v_lane.work_id, 'stop', p_user_id)
      on conflict (work_id) where kind = 'stop' do nothing;
  end if;
  if v_cancelled = 0 and v_lane.work_id is null then
    return query select false, 'nothing_to_stop', null::jsonb;
    return;
  end if;
  insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
    values (p_org_id, 'session_stopped', 'stopped_by_person', 'user', p_user_id, jsonb_build_object('sessionId', p_session_id));
  if v_cancelled > 0 then
    update cowork.tenants t set promoted = t.promoted - v_promoted, waiting = t.waiting - (v_cancelled - v_promoted)
      where t.org_id = p_org_id;
    -- Not only what was freed here, as in end_attempts.
    perform internal.promote_tenant(p_org_id, v_promoted + 64);
  end if;
  return query select true, null::text,
    jsonb_build_object('cancelled', v_cancelled, 'signalled', v_lane.work_id is not null);
end $$;
grant execute on function internal.stop_session(uuid, uuid, uuid, uuid) to cowork_web;
