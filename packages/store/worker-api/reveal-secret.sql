-- Hands the holder of a live lease the sealed key of its own organisation for the provider that its work is routed for;
-- only the pool's private key opens it.
-- A paused worker may still write, but is shown nothing more. Attempt and outcome are audited either way.
create or replace function worker_api_v1.reveal_secret(p_token text, p_provider text)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_held record;
  v_lane cowork.lanes;
  v_secret cowork.sealed_secrets;
  v_reason text;
begin
  select h.lane, h.reason into v_held from internal.lock_lease(p_token, 'secret_reveals') h;
  if v_held.reason is not null then
    return query select false, v_held.reason, null::jsonb;
    return;
  end if;
  v_lane := v_held.lane;
  if not exists (
    select from cowork.workers w where w.worker_id = v_lane.worker_id and w.status in ('active', 'draining', 'unhealthy')
  ) then
    v_reason := 'worker_not_active';
  elsif not exists (
    select from cowork.work w join cowork.routes r using (route_id) where w.work_id = v_lane.work_id and r.provider = p_provider
  ) then
    v_reason := 'provider_not_allowed';
  else
    select s.* into v_secret from cowork.sealed_secrets s
      where s.org_id = v_lane.org_id and s.provider = p_provider and s.revoked_at is null;
    if not found then
      v_reason := 'secret_not_found';
    end if;
  end if;
  insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
    values (v_lane.org_id, case when v_reason is null then 'secret_revealed' else 'secret_reveal_failed' end, v_reason,
      'worker', v_lane.worker_id, jsonb_build_object('workId', v_lane.work_id, 'attempt', v_lane.attempt,
        'secretId', v_secret.secret_id, 'version', v_secret.version));
  return query select v_reason is null, v_reason, case when v_reason is null then jsonb_build_object(
    'secretId', v_secret.secret_id, 'version', v_secret.version, 'keyId', v_secret.key_id,
    'sealed', encode(v_secret.sealed, 'base64')) end;
end $$;
grant execute on function worker_api_v1.reveal_secret(text, text) to cowork_worker;
