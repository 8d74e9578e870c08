-- Makes a prompt durable, in one round trip: when this returns, the wish survives anything. Race closed: an enqueue
-- against a finish of the same lane; both lock the lane first and look in later statements, so one of them promotes.
create or replace function internal.enqueue_prompt(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_command_id uuid, p_work_id uuid,
  p_text text, p_traceparent text, p_waiting_most integer)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_column
declare
  v_lane cowork.lanes;
  v_session record;
  v_now timestamptz;
  v_ahead record;
  v_route_id integer;
begin
  select l.* into v_lane from cowork.lanes l
    where l.org_id = p_org_id and l.session_id = p_session_id for no key update;
  if not found then
    return query select false, 'not_found', null::jsonb;
    return;
  end if;
  select s.status, p.pool_id, p.provider, p.capabilities, r.route_id, u.display_name into strict v_session
    from cowork.sessions s join cowork.profiles p on p.org_id = s.org_id and p.profile_id = s.profile_id
      join cowork.users u on u.user_id = p_user_id
      left join cowork.routes r on r.pool_id = p.pool_id and r.provider = p.provider and r.capabilities = p.capabilities
    where s.org_id = p_org_id and s.session_id = p_session_id;
  if v_session.status <> 'open' then
    return query select false, 'session_not_open', null::jsonb;
    return;
  end if;
  select count(*) filter (where w.status in ('queued', 'ready')) as waiting, count(*) as live into v_ahead
    from cowork.work w where w.lane_id = v_lane.lane_id and w.status in ('queued', 'ready', 'leased', 'parked');
  if v_ahead.waiting >= p_waiting_most then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
      values (p_org_id, 'quota_denied', 'queue_full', 'user', p_user_id, jsonb_build_object('sessionId', p_session_id));
    return query select false, 'queue_full', null::jsonb;
    return;
  end if;
  update cowork.tenants t set waiting = t.waiting + 1
    where t.org_id = p_org_id and t.waiting < internal.quota(p_org_id, 'queue_depth');
  if not found then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id)
      values (p_org_id, 'quota_denied', 'queue_depth', 'user', p_user_id);
    return query select false, 'quota_exceeded', null::jsonb;
    return;
  end if;

  v_now := cowork.now();
  v_route_id := coalesce(v_session.route_id, internal.route(v_session.pool_id, v_session.provider, v_session.capabilities));
  with command as (
    insert into cowork.commands (org_id, command_id, session_id, command_seq, kind, body, created_by, created_at)
      values (p_org_id, p_command_id, p_session_id, v_lane.next_command_seq, 'prompt', jsonb_build_object('text', p_text), p_user_id, v_now)
  ), works as (
    insert into cowork.work (org_id, work_id, lane_id, session_id, command_id, work_type, route_id, status, position, is_head,
        available_at, traceparent)
      values (p_org_id, p_work_id, v_lane.lane_id, p_session_id, p_command_id, 'session_command', v_route_id, 'queued',
        v_lane.next_position, v_ahead.live = 0, v_now, p_traceparent)
  ), lanes as (
    update cowork.lanes l set next_seq = l.next_seq + 1, next_command_seq = l.next_command_seq + 1, next_position = l.next_position + 1
      where l.lane_id = v_lane.lane_id
  ), fact as (
    insert into cowork.session_events (session_id, seq, org_id, type, payload, command_id, at)
      values (p_session_id, v_lane.next_seq, p_org_id, 'command.accepted', jsonb_build_object('commandId', p_command_id,
        'commandSeq', v_lane.next_command_seq, 'text', p_text, 'by', v_session.display_name), p_command_id, v_now)
  ), feed as (
    insert into cowork.feed (org_id, topic, entity_id) values (p_org_id, 'session', p_session_id)
  )
  update cowork.sessions s set updated_at = v_now where s.org_id = p_org_id and s.session_id = p_session_id;
  -- Not only for a new head: whoever freed room meanwhile skipped this lane, because we hold it.
  perform internal.promote_lanes(array[v_lane.lane_id]);
  return query select true, null::text,
    jsonb_build_object('commandId', p_command_id, 'commandSeq', v_lane.next_command_seq);
end $$;
grant execute on function internal.enqueue_prompt(uuid, uuid, uuid, uuid, uuid, text, text, integer) to cowork_web;
