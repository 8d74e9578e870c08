-- Gives work to a worker: the one transaction that makes a lease. Races closed:
--   two workers claim at once       the lane's lock with SKIP LOCKED; the loser takes the next row and never waits
--   the answer is lost              tokens derive from the caller's secret, so the same request gets the same leases
--   the work moved meanwhile        candidates are read without a lock and looked at again under it
-- Only ready rows are in the index this reads, so its cost does not depend on any backlog.
create or replace function worker_api_v1.claim(p_credential text, p_boot_id uuid, p_request_secret text, p_limit integer, p_ttl_ms integer)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_worker cowork.workers := internal.worker_principal(p_credential);
  v_request_hash text := encode(sha256(convert_to(p_request_secret, 'UTF8')), 'hex');
  v_limit integer := least(greatest(p_limit, 0), 100);
  v_candidate record;
  v_lane cowork.lanes;
  v_work cowork.work;
  v_now timestamptz;
  v_token text;
  v_given jsonb := '[]';
begin
  if length(p_request_secret) < 32 or p_ttl_ms not between 1000 and 600000 then
    raise exception 'malformed claim' using errcode = '22023';
  end if;
  if v_worker.worker_id is null then
    return query select false, 'credential_invalid', null::jsonb;
    return;
  end if;
  -- Under lock: a revoke either comes first and is seen here, or finds and ends what is claimed here.
  select w.* into v_worker from cowork.workers w where w.worker_id = v_worker.worker_id for share;
  if v_worker.status <> 'active' then
    return query select false, 'worker_not_active', null::jsonb;
    return;
  end if;

  for v_candidate in
    select a.work_id, l.lane_id from cowork.attempts a join cowork.lanes l on l.token_hash = a.token_hash
      where a.request_hash = v_request_hash and a.worker_id = v_worker.worker_id and a.boot_id = p_boot_id
  loop
    v_given := v_given || internal.describe_lease(v_candidate.lane_id, p_request_secret);
  end loop;
  if jsonb_array_length(v_given) > 0 then
    return query select true, null::text, v_given;
    return;
  end if;

  for v_candidate in
    -- More than asked for, because others may hold some of them.
    select w.work_id, w.lane_id from cowork.work w
      where w.pool_id = v_worker.pool_id and w.status = 'ready'
      order by w.class, w.ready_at limit v_limit * 4
  loop
    exit when jsonb_array_length(v_given) >= v_limit;
    select l.* into v_lane from cowork.lanes l where l.lane_id = v_candidate.lane_id for no key update skip locked;
    continue when not found or v_lane.work_id is not null;
    v_now := cowork.now();
    update cowork.work w set status = 'leased', attempt = w.attempt + 1, claimed_at = v_now, last_heartbeat_at = v_now,
        leased_by = v_worker.worker_id, lease_expires_at = v_now + make_interval(secs => p_ttl_ms / 1000.0)
      where w.work_id = v_candidate.work_id and w.status = 'ready'
      returning w.* into v_work;
    continue when not found;

    v_token := internal.lease_token(p_request_secret, v_work.work_id, v_work.attempt);
    update cowork.lanes l set work_id = v_work.work_id, command_id = v_work.command_id, attempt = v_work.attempt,
        token_hash = encode(sha256(convert_to(v_token, 'UTF8')), 'hex'), lease_expires_at = v_work.lease_expires_at,
        worker_id = v_worker.worker_id, boot_id = p_boot_id, last_batch_no = 0
      where l.lane_id = v_lane.lane_id;
    insert into cowork.attempts (work_id, attempt, org_id, token_hash, request_hash, worker_id, boot_id, claimed_at)
      values (v_work.work_id, v_work.attempt, v_work.org_id, encode(sha256(convert_to(v_token, 'UTF8')), 'hex'),
        v_request_hash, v_worker.worker_id, p_boot_id, v_now);
    update cowork.commands c set status = 'working', attempt = v_work.attempt, reason = null
      where c.org_id = v_work.org_id and c.command_id = v_work.command_id;
    perform internal.state_fact(v_lane.lane_id, 'attempt.started', v_work.attempt, v_work.command_id,
      jsonb_build_object('commandId', v_work.command_id, 'attempt', v_work.attempt, 'worker', v_worker.name));
    update cowork.sessions s set updated_at = v_now where s.org_id = v_work.org_id and s.session_id = v_work.session_id;
    insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
      values (v_work.org_id, 'work_claimed', 'worker', v_worker.worker_id,
        jsonb_build_object('workId', v_work.work_id, 'attempt', v_work.attempt));
    v_given := v_given || internal.describe_lease(v_lane.lane_id, p_request_secret);
  end loop;
  return query select true, null::text, v_given;
end $$;
grant execute on function worker_api_v1.claim(text, uuid, text, integer, integer) to cowork_worker;
