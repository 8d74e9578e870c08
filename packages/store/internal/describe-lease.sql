-- A token is derived from the claim's secret, which only the claiming process has: unguessable, never reused (work and
-- attempt are in it), and the same when the claim is repeated. Only its hash is stored.
create or replace function internal.lease_token(p_request_secret text, p_work_id uuid, p_attempt integer) returns text
language sql immutable security definer set search_path = pg_catalog as $$
  select encode(sha256(convert_to(p_request_secret || ':' || p_work_id || ':' || p_attempt, 'UTF8')), 'hex')
$$;

-- What the holder of a lease needs to do the work.
create or replace function internal.describe_lease(p_lane_id uuid, p_request_secret text) returns jsonb
language sql volatile security definer set search_path = pg_catalog as $$
  select jsonb_build_object(
      'workId', w.work_id, 'sessionId', w.session_id, 'orgId', w.org_id, 'commandId', w.command_id, 'attempt', w.attempt,
      'token', internal.lease_token(p_request_secret, w.work_id, w.attempt),
      'text', c.body ->> 'text', 'runtimeSessionId', s.runtime_session_id, 'traceparent', w.traceparent,
      'readyAt', w.ready_at, 'waitMs', round(extract(epoch from w.claimed_at - w.ready_at) * 1000),
      'nextBatch', l.last_batch_no + 1)
    from cowork.lanes l
      join cowork.work w on w.work_id = l.work_id
      left join cowork.commands c on c.org_id = w.org_id and c.command_id = w.command_id
      left join cowork.sessions s on s.org_id = w.org_id and s.session_id = w.session_id
    where l.lane_id = p_lane_id
$$;
