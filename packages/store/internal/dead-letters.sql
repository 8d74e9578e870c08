-- Gives a dead letter another life, with its text edited if need be: at the end of its lane, with no strikes.
create or replace function internal.retry_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid, p_text text,
  p_waiting_most integer)
returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_work cowork.work;
  v_lane cowork.lanes;
begin
  select w.* into v_work from cowork.work w where w.org_id = p_org_id and w.work_id = p_work_id;
  if not found then
    return 'not_found';
  end if;
  select l.* into v_lane from cowork.lanes l where l.lane_id = v_work.lane_id for no key update;
  if not exists (select from cowork.work w where w.work_id = p_work_id and w.status = 'dead') then
    return 'not_dead';
  end if;
  if exists (select from cowork.sessions s where s.org_id = p_org_id and s.session_id = v_work.session_id and s.status <> 'open') then
    return 'session_not_open';
  end if;
  if p_waiting_most <= (select count(*) from cowork.work w where w.lane_id = v_lane.lane_id and w.status in ('queued', 'ready')) then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
      values (p_org_id, 'quota_denied', 'queue_full', 'user', p_user_id, jsonb_build_object('sessionId', v_work.session_id));
    return 'queue_full';
  end if;
  update cowork.tenants t set waiting = t.waiting + 1
    where t.org_id = p_org_id and t.waiting < internal.quota(p_org_id, 'queue_depth');
  if not found then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id)
      values (p_org_id, 'quota_denied', 'queue_depth', 'user', p_user_id);
    return 'quota_exceeded';
  end if;
  update cowork.work w set status = 'queued', strikes = 0, position = v_lane.next_position, available_at = cowork.now(),
      failed_at = null, reason = null, is_head = false
    where w.work_id = p_work_id and w.status = 'dead';
  update cowork.lanes l set next_position = l.next_position + 1 where l.lane_id = v_lane.lane_id;
  update cowork.commands c set status = 'waiting', reason = null, ended_at = null,
      body = case when p_text is null then c.body else c.body || jsonb_build_object('text', p_text) end
    where c.org_id = p_org_id and c.command_id = v_work.command_id;
  perform internal.state_fact(v_lane.lane_id, 'command.retried', null, v_work.command_id,
    jsonb_build_object('commandId', v_work.command_id, 'text', (
      select c.body ->> 'text' from cowork.commands c where c.org_id = p_org_id and c.command_id = v_work.command_id)));
  perform internal.resolve_dead_letter(p_org_id, p_user_id, p_work_id, 'retried');
  perform internal.mark_heads(array[v_lane.lane_id]);
  perform internal.promote_lane(v_lane.lane_id);
  return null;
end $$;
grant execute on function internal.retry_dead_letter(uuid, uuid, uuid, text, integer) to cowork_web;

-- Closes a dead letter for good; what failed stays failed.
create or replace function internal.drop_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid) returns text
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane_id uuid;
begin
  select w.lane_id into v_lane_id from cowork.work w where w.org_id = p_org_id and w.work_id = p_work_id;
  if not found then
    return 'not_found';
  end if;
  perform from cowork.lanes l where l.lane_id = v_lane_id for no key update;
  update cowork.work w set status = 'cancelled' where w.work_id = p_work_id and w.status = 'dead';
  if not found then
    return 'not_dead';
  end if;
  perform internal.resolve_dead_letter(p_org_id, p_user_id, p_work_id, 'dropped');
  return null;
end $$;
grant execute on function internal.drop_dead_letter(uuid, uuid, uuid) to cowork_web;

create or replace function internal.resolve_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid, p_resolution text) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update cowork.dead_letters d set resolution = p_resolution, resolved_by = p_user_id, resolved_at = cowork.now()
    where d.org_id = p_org_id and d.work_id = p_work_id and d.resolution is null;
  insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
    values (p_org_id, 'dead_letter_' || p_resolution, 'user', p_user_id, jsonb_build_object('workId', p_work_id));
end $$;
