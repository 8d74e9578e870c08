-- Records a checkpoint whose packs are already stored: until this commits they are invisible, after it they are the
-- session's newest state. Race closed: a worker that lost its lease while it uploaded is refused here, and what it
-- uploaded is collected. The version is allocated under the lane's lock; a repeat with the same manifest answers the same,
-- and one that says something else about it is refused.
create or replace function worker_api_v1.save_checkpoint(p_token text, p_checkpoint jsonb)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_held record;
  v_lane cowork.lanes;
  v_version integer;
  v_known boolean;
  v_reason text;
begin
  select h.lane, h.reason into v_held from internal.lock_lease(p_token, 'checkpoint_metadata') h;
  if v_held.reason is not null then
    return query select false, v_held.reason, null::jsonb;
    return;
  end if;
  v_lane := v_held.lane;
  if p_checkpoint ->> 'manifestKey' is distinct from
    internal.manifest_key(v_lane.org_id, v_lane.session_id, p_checkpoint ->> 'manifestSha256') or exists (
      select from jsonb_array_elements(p_checkpoint -> 'packs') k
        where k ->> 'objectKey' is distinct from internal.pack_key(v_lane.org_id, k ->> 'sha256'))
  then
    v_reason := 'object_key_not_allowed';
  elsif jsonb_array_length(p_checkpoint -> 'packs') > internal.most_packs() then
    v_reason := 'batch_too_large';
  elsif exists (
    select from jsonb_array_elements(p_checkpoint -> 'packs') k
      left join cowork.packs p on p.org_id = v_lane.org_id and p.sha256 = k ->> 'sha256'
      group by k ->> 'sha256'
      having count(distinct (k ->> 'sizeBytes')::bigint) > 1 or bool_or(p.size_bytes <> (k ->> 'sizeBytes')::bigint))
    or exists (
      select from cowork.checkpoints c
        where c.org_id = v_lane.org_id and c.session_id = v_lane.session_id and c.manifest_sha256 = p_checkpoint ->> 'manifestSha256'
          and ((c.schema_version, c.size_bytes) <> ((p_checkpoint ->> 'schemaVersion')::integer, (p_checkpoint ->> 'sizeBytes')::bigint)
            or (select array_agg(distinct k ->> 'sha256') from jsonb_array_elements(p_checkpoint -> 'packs') k) is distinct from
              (select array_agg(k.sha256 order by k.sha256) from cowork.checkpoint_packs k
                where k.org_id = c.org_id and k.session_id = c.session_id and k.version = c.version)))
  then
    v_reason := 'idempotency_conflict';
  end if;
  if v_reason is not null then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
      values (v_lane.org_id, 'checkpoint_rejected', v_reason, 'worker', v_lane.worker_id,
        jsonb_build_object('workId', v_lane.work_id, 'attempt', v_lane.attempt));
    return query select false, v_reason, null::jsonb;
    return;
  end if;

  select c.version into v_version from cowork.checkpoints c
    where c.org_id = v_lane.org_id and c.session_id = v_lane.session_id and c.work_id = v_lane.work_id and c.attempt = v_lane.attempt
      and c.manifest_sha256 = p_checkpoint ->> 'manifestSha256';
  if not found then
    select coalesce(max(c.version), 0) + 1,
        coalesce(bool_or(c.manifest_sha256 = p_checkpoint ->> 'manifestSha256'), false)
      into v_version, v_known from cowork.checkpoints c
      where c.org_id = v_lane.org_id and c.session_id = v_lane.session_id;
    insert into cowork.packs (org_id, sha256, object_key, size_bytes)
      select v_lane.org_id, k ->> 'sha256', k ->> 'objectKey', (k ->> 'sizeBytes')::bigint
        from jsonb_array_elements(p_checkpoint -> 'packs') k order by k ->> 'sha256'
      -- Whichever of its unique indexes is met first: another session may add the same pack at this moment.
      on conflict do nothing;
    insert into cowork.checkpoints (org_id, session_id, version, work_id, attempt, schema_version, manifest_key, manifest_sha256,
        size_bytes, event_seq)
      values (v_lane.org_id, v_lane.session_id, v_version, v_lane.work_id, v_lane.attempt,
        (p_checkpoint ->> 'schemaVersion')::integer, p_checkpoint ->> 'manifestKey', p_checkpoint ->> 'manifestSha256',
        (p_checkpoint ->> 'sizeBytes')::bigint, v_lane.next_seq - 1);
    insert into cowork.checkpoint_packs (org_id, session_id, version, sha256)
      select distinct v_lane.org_id, v_lane.session_id, v_version, k ->> 'sha256' from jsonb_array_elements(p_checkpoint -> 'packs') k;
    update cowork.work w set checkpoint_version = v_version where w.work_id = v_lane.work_id;
    -- Progress is what the session never had: to save again what was restored is none, or a loss would never count.
    if not v_known then
      update cowork.attempts a set checkpoint_version = v_version where a.work_id = v_lane.work_id and a.attempt = v_lane.attempt;
    end if;
    insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
      values (v_lane.org_id, 'checkpoint_saved', 'worker', v_lane.worker_id,
        jsonb_build_object('workId', v_lane.work_id, 'attempt', v_lane.attempt, 'version', v_version));
  end if;
  return query select true, null::text, jsonb_build_object('version', v_version);
end $$;
grant execute on function worker_api_v1.save_checkpoint(text, jsonb) to cowork_worker;
