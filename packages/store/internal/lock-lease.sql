-- The fence. Locks the lane that a token holds and says whether the token may still write: lock first, look after, on
-- the database's clock. A refusal is returned, never raised, so that its evidence commits; the first refusal of each
-- (attempt, write class) is an audit row.
create or replace function internal.lock_lease(p_token text, p_write_class text, out lane cowork.lanes, out reason text)
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_hash text := encode(sha256(convert_to(coalesce(p_token, ''), 'UTF8')), 'hex');
  v_lane_id uuid;
  v_attempt cowork.attempts;
begin
  select l.lane_id into v_lane_id from cowork.lanes l where l.token_hash = v_hash;
  if found then
    -- Whoever is moving this lane waits for us, or we see its new token.
    select l.* into lane from cowork.lanes l where l.lane_id = v_lane_id for no key update;
    if lane.token_hash = v_hash and lane.lease_expires_at > cowork.now() then
      return;
    end if;
  end if;

  lane := null;
  select a.* into v_attempt from cowork.attempts a where a.token_hash = v_hash;
  if not found then
    reason := 'lease_unknown';
    perform internal.note_refusal('stale_owner_write_rejected', reason, null, jsonb_build_object('writeClass', p_write_class));
    return;
  end if;
  if v_attempt.outcome is not null and v_attempt.outcome <> 'lost' then
    reason := 'lease_ended';
    return;
  end if;

  reason := 'stale_lease';
  update cowork.attempts a set refused_classes = a.refused_classes || p_write_class
    where a.work_id = v_attempt.work_id and a.attempt = v_attempt.attempt and not p_write_class = any (a.refused_classes);
  if found then
    insert into cowork.audit (org_id, action, reason, actor_kind, actor_id, subject)
      values (v_attempt.org_id, 'stale_owner_write_rejected', reason, 'worker', v_attempt.worker_id,
        jsonb_build_object('workId', v_attempt.work_id, 'attempt', v_attempt.attempt, 'writeClass', p_write_class));
  end if;
end $$;
