-- A process reports itself. Race closed: two heartbeats of one process may arrive in either order; the row keeps the
-- newest sequence, and an older one gives no credit for being alive; the newest again, after a lost answer, is answered again.
-- Never un-revokes: only `unhealthy` returns to
-- `active`, and only when it was the plane that called it unhealthy.
create or replace function worker_api_v1.heartbeat(p_worker_id uuid, p_credential text, p_body jsonb)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_worker cowork.workers := internal.worker_principal(p_credential);
  v_boot_id uuid := (p_body ->> 'bootId')::uuid;
  -- As of now: what moves the worker meanwhile comes after this heartbeat.
  v_status text := v_worker.status;
  v_seq bigint := (p_body ->> 'seq')::bigint;
begin
  if v_boot_id is null or v_seq is null or v_seq <= 0 or jsonb_typeof(p_body -> 'draining') is distinct from 'boolean' then
    raise exception 'malformed heartbeat' using errcode = '22023';
  end if;
  if pg_column_size(p_body) > internal.most_heartbeat_bytes() then
    return query select false, 'batch_too_large', null::jsonb;
    return;
  end if;
  if v_worker.worker_id is null or v_worker.worker_id is distinct from p_worker_id or v_worker.status in ('retired', 'revoked') then
    perform internal.note_refusal('heartbeat_rejected', 'credential_invalid', v_worker.worker_id, '{}');
    return query select false, 'credential_invalid', null::jsonb;
    return;
  end if;

  insert into cowork.worker_incarnations as i (worker_id, boot_id, heartbeat_seq, draining, report)
    values (v_worker.worker_id, v_boot_id, v_seq, (p_body ->> 'draining')::boolean, p_body)
    on conflict (boot_id) do update
      set heartbeat_seq = excluded.heartbeat_seq, draining = excluded.draining, report = excluded.report,
        last_seen_at = cowork.now()
      where i.worker_id = excluded.worker_id and i.heartbeat_seq < excluded.heartbeat_seq;
  if not found and exists (
    select from cowork.worker_incarnations i
      where i.boot_id = v_boot_id and i.worker_id = v_worker.worker_id and i.heartbeat_seq = v_seq and i.report = p_body
  ) then
    -- As it is by now: the first call, which has just committed, may have changed it.
    return query select true, null::text, jsonb_build_object('status', w.status) from cowork.workers w where w.worker_id = p_worker_id;
    return;
  elsif not found and exists (
    select from cowork.worker_incarnations i where i.boot_id = v_boot_id and i.worker_id <> v_worker.worker_id
  ) then
    perform internal.note_refusal('heartbeat_rejected', 'boot_id_taken', v_worker.worker_id, '{}');
    return query select false, 'boot_id_taken', null::jsonb;
    return;
  elsif not found then
    perform internal.note_refusal('heartbeat_rejected', 'heartbeat_out_of_order', v_worker.worker_id, '{}');
    return query select false, 'heartbeat_out_of_order', null::jsonb;
    return;
  end if;

  insert into cowork.worker_heartbeats (worker_id, boot_id, seq, report) values (v_worker.worker_id, v_boot_id, v_seq, p_body);
  update cowork.workers w set status = 'active', status_changed_at = cowork.now()
    where w.worker_id = v_worker.worker_id and w.status = 'unhealthy' and w.status_by = 'plane';
  if found then
    v_status := 'active';
    insert into cowork.audit (org_id, action, actor_kind, actor_id)
      values (internal.org_of_worker(v_worker.worker_id), 'worker_activated', 'worker', v_worker.worker_id);
  end if;
  return query select true, null::text, jsonb_build_object('status', v_status);
end $$;
grant execute on function worker_api_v1.heartbeat(uuid, text, jsonb) to cowork_worker, cowork_web;
