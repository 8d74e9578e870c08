-- Appends one fact of the plane to a session whose lane the caller has locked, takes the next seq and moves it on, and
-- tells the lists that the session changed.
create or replace function internal.state_fact(p_lane_id uuid, p_type text, p_attempt integer, p_command_id uuid, p_payload jsonb,
  p_at timestamptz default null)
returns bigint
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane cowork.lanes;
begin
  update cowork.lanes l set next_seq = l.next_seq + 1 where l.lane_id = p_lane_id returning l.* into v_lane;
  if v_lane.session_id is not null then
    insert into cowork.session_events (session_id, seq, org_id, type, payload, attempt, command_id, at)
      values (v_lane.session_id, v_lane.next_seq - 1, v_lane.org_id, p_type, p_payload, p_attempt, p_command_id,
        coalesce(p_at, cowork.now()));
    insert into cowork.feed (org_id, topic, entity_id) values (v_lane.org_id, 'session', v_lane.session_id);
  end if;
  return v_lane.next_seq - 1;
end $$;
