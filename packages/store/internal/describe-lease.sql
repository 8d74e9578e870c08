-- A token is derived from the claim's secret, which only the claiming process has: unguessable, never reused (work and
-- attempt are in it), and the same when the claim is repeated. Only its hash is stored. In sql and with nothing pinned, so
-- that the planner puts the expression where the call stands; nobody but the verbs' owner may call it.
create or replace function internal.lease_token(p_request_secret text, p_work_id uuid, p_attempt integer) returns text
language sql stable as $$
  select encode(sha256(convert_to(p_request_secret || ':' || p_work_id || ':' || p_attempt, 'UTF8')), 'hex')
$$;

-- What the holder of a lease needs to do the work.
create or replace function internal.lease_description(p_work_id uuid, p_session_id uuid, p_org_id uuid, p_command_id uuid,
  p_attempt integer, p_token text, p_text text, p_runtime_session_id text, p_traceparent text, p_ready_at timestamptz,
  p_claimed_at timestamptz, p_next_batch bigint, p_policy jsonb)
returns jsonb
language sql stable as $$
  select jsonb_build_object(
    'workId', p_work_id, 'sessionId', p_session_id, 'orgId', p_org_id, 'commandId', p_command_id, 'attempt', p_attempt,
    'token', p_token, 'text', p_text, 'runtimeSessionId', p_runtime_session_id, 'traceparent', p_traceparent,
    'readyAt', p_ready_at, 'waitMs', round(extract(epoch from p_claimed_at - p_ready_at) * 1000), 'nextBatch', p_next_batch,
    'policy', p_policy)
$$;

create or replace function internal.describe_lease(p_lane_id uuid, p_request_secret text) returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select internal.lease_description(w.work_id, w.session_id, w.org_id, w.command_id, w.attempt,
      internal.lease_token(p_request_secret, w.work_id, w.attempt), c.body ->> 'text', s.runtime_session_id, w.traceparent,
      w.ready_at, w.claimed_at, l.last_batch_no + 1, p.policy)
    from cowork.lanes l
      join cowork.work w on w.work_id = l.work_id
      left join cowork.commands c on c.org_id = w.org_id and c.command_id = w.command_id
      left join cowork.sessions s on s.org_id = w.org_id and s.session_id = w.session_id
      left join cowork.profiles p on p.org_id = s.org_id and p.profile_id = s.profile_id
    where l.lane_id = p_lane_id);
end $$;
