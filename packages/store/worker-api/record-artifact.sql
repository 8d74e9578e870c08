-- Makes an uploaded file visible. Until this commits nobody can see it; a worker that lost its lease is refused, and the
-- orphan is collected. The same artifact again answers the same; its id with other content is refused.
create or replace function worker_api_v1.record_artifact(p_token text, p_artifact jsonb)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_held record;
  v_lane cowork.lanes;
  v_reason text;
  v_recorded boolean;
begin
  select h.lane, h.reason into v_held from internal.lock_lease(p_token, 'artifact_metadata') h;
  if v_held.reason is not null then
    return query select false, v_held.reason, null::jsonb;
    return;
  end if;
  v_lane := v_held.lane;
  if p_artifact ->> 'objectKey' is distinct from internal.artifact_key(v_lane.org_id, v_lane.session_id,
    (p_artifact ->> 'artifactId')::uuid, p_artifact ->> 'sha256')
  then
    v_reason := 'object_key_not_allowed';
  else
    insert into cowork.artifacts (org_id, artifact_id, session_id, work_id, attempt, name, content_type, object_key, sha256, size_bytes)
      values (v_lane.org_id, (p_artifact ->> 'artifactId')::uuid, v_lane.session_id, v_lane.work_id, v_lane.attempt,
        p_artifact ->> 'name', p_artifact ->> 'contentType', p_artifact ->> 'objectKey', p_artifact ->> 'sha256',
        (p_artifact ->> 'sizeBytes')::bigint)
      on conflict (org_id, artifact_id) do nothing;
    v_recorded := found;
    if not v_recorded and not exists (
      select from cowork.artifacts a
        where a.org_id = v_lane.org_id and a.artifact_id = (p_artifact ->> 'artifactId')::uuid
          -- The key tells session and checksum.
          and (a.object_key, a.name, a.content_type, a.size_bytes) = (p_artifact ->> 'objectKey', p_artifact ->> 'name',
            p_artifact ->> 'contentType', (p_artifact ->> 'sizeBytes')::bigint))
    then
      v_reason := 'idempotency_conflict';
    end if;
  end if;
  if v_reason is not null then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
      values (v_lane.org_id, 'artifact_rejected', v_reason, 'worker', v_lane.worker_id,
        jsonb_build_object('workId', v_lane.work_id, 'attempt', v_lane.attempt));
    return query select false, v_reason, null::jsonb;
    return;
  end if;
  if v_recorded then
    insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
      values (v_lane.org_id, 'artifact_recorded', 'worker', v_lane.worker_id,
        jsonb_build_object('workId', v_lane.work_id, 'attempt', v_lane.attempt, 'artifactId', p_artifact ->> 'artifactId'));
  end if;
  return query select true, null::text, jsonb_build_object('artifactId', p_artifact ->> 'artifactId');
end $$;
grant execute on function worker_api_v1.record_artifact(text, jsonb) to cowork_worker;
