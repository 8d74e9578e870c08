-- Makes ready rows leases and describes them to their holder. The caller has locked their lanes and found them free; a
-- row that is ready no more is left out. One statement for all of them, see append_under_leases.
create or replace function internal.give_leases(p_lanes cowork.lanes[], p_work_ids uuid[], p_worker cowork.workers, p_boot_id uuid,
  p_request_secret text, p_ttl_ms integer)
returns jsonb
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := cowork.now();
  v_expires_at timestamptz := v_now + make_interval(secs => p_ttl_ms / 1000.0);
  v_request_hash text := encode(sha256(convert_to(p_request_secret, 'UTF8')), 'hex');
  v_given jsonb;
begin
  with works as (
    update cowork.work w set status = 'leased', attempt = w.attempt + 1, claimed_at = v_now, last_heartbeat_at = v_now,
        leased_by = p_worker.worker_id, lease_expires_at = v_expires_at
      from unnest((select p_lanes)) with ordinality l
      where w.work_id = p_work_ids[l.ordinality] and w.status = 'ready' and w.lane_id = l.lane_id
      returning w.work_id, w.org_id, w.lane_id, w.session_id, w.command_id, w.attempt, w.traceparent, w.ready_at, l.next_seq,
        l.ordinality as n
  ), given as materialized (
    select w.*, internal.lease_token(p_request_secret, w.work_id, w.attempt) as token from works w
  ), lanes as (
    update cowork.lanes l set next_seq = g.next_seq + 1, work_id = g.work_id, command_id = g.command_id, attempt = g.attempt,
        token_hash = encode(sha256(convert_to(g.token, 'UTF8')), 'hex'), lease_expires_at = v_expires_at,
        worker_id = p_worker.worker_id, boot_id = p_boot_id, last_boot_id = p_boot_id, last_batch_no = 0, renewals = 0, renewed_at = null
      from given g where l.lane_id = g.lane_id
  ), attempts as (
    insert into cowork.attempts (work_id, attempt, org_id, token_hash, request_hash, worker_id, boot_id, claimed_at)
      select g.work_id, g.attempt, g.org_id, encode(sha256(convert_to(g.token, 'UTF8')), 'hex'), v_request_hash, p_worker.worker_id,
          p_boot_id, v_now
        from given g
  ), commands as (
    update cowork.commands c set status = 'working', attempt = g.attempt, reason = null
      from given g where c.org_id = g.org_id and c.command_id = g.command_id
      returning g.n, c.body ->> 'text' as text
  ), facts as (
    insert into cowork.session_events (session_id, seq, org_id, type, payload, attempt, command_id, at)
      select g.session_id, g.next_seq, g.org_id, 'attempt.started',
          jsonb_build_object('commandId', g.command_id, 'attempt', g.attempt, 'worker', p_worker.name), g.attempt, g.command_id, v_now
        from given g where g.session_id is not null
  ), feed as (
    insert into cowork.feed (org_id, topic, entity_id) select g.org_id, 'session', g.session_id from given g where g.session_id is not null
  ), sessions as (
    update cowork.sessions s set updated_at = v_now from given g where s.org_id = g.org_id and s.session_id = g.session_id
      returning g.n, s.runtime_session_id, s.profile_id
  ), evidence as (
    insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
      select g.org_id, 'work_claimed', 'worker', p_worker.worker_id, jsonb_build_object('workId', g.work_id, 'attempt', g.attempt)
        from given g
  )
  select jsonb_agg(internal.lease_description(g.work_id, g.session_id, g.org_id, g.command_id, g.attempt, g.token, c.text,
      s.runtime_session_id, g.traceparent, g.ready_at, v_now, 1, p.policy) order by g.n) into v_given
    from given g left join commands c on c.n = g.n left join sessions s on s.n = g.n
      left join cowork.profiles p on p.org_id = g.org_id and p.profile_id = s.profile_id;
  return coalesce(v_given, '[]');
end $$;
