-- Makes a session with its lane and, when a text is given, its first prompt, in one round trip: all of it or nothing. A
-- refused prompt takes the session back with it; only the evidence of the refusal stays.
create or replace function internal.create_session(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_title text,
  p_command_id uuid, p_work_id uuid, p_text text, p_traceparent text, p_waiting_most integer, p_profile text)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_first record;
  v_command jsonb;
begin
  insert into cowork.sessions (org_id, session_id, profile_id, title, created_by)
    select p_org_id, p_session_id, p.profile_id, p_title, p_user_id from cowork.profiles p
      where p.org_id = p_org_id and p.name = p_profile order by p.version desc limit 1;
  if not found then
    return query select false, 'profile_unknown', null::jsonb;
    return;
  end if;
  insert into cowork.lanes (lane_id, org_id, session_id) values (p_session_id, p_org_id, p_session_id);
  if p_text is not null then
    select e.* into v_first from internal.enqueue_prompt(p_org_id, p_user_id, p_session_id, p_command_id, p_work_id, p_text,
      p_traceparent, p_waiting_most) e;
    if not v_first.ok then
      -- Nobody else has seen the session: its rows and not the whole transaction are taken back, for the evidence's sake.
      delete from cowork.lanes l where l.lane_id = p_session_id;
      delete from cowork.sessions s where s.org_id = p_org_id and s.session_id = p_session_id;
      return query select false, v_first.reason, null::jsonb;
      return;
    end if;
    v_command := v_first.answer;
  end if;
  return query select true, null::text, jsonb_build_object('sessionId', p_session_id, 'command', v_command);
end $$;
grant execute on function internal.create_session(uuid, uuid, uuid, text, uuid, uuid, text, text, integer, text) to cowork_web;
