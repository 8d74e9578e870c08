-- The fence. Locks the lane that a token holds and says whether the token may still write: lock first, look after, on
-- the database's clock. A refusal is returned, never raised, so that its evidence commits; the first refusal of each
-- (attempt, write class) is an audit row.
--
-- A batch holds the lanes of all its tokens before it calls this, and must not wait for one more: after a lane comes the
-- evidence about the one before it, and so two batches would wait for each other. A lane that only now got a token of the
-- batch belongs to a claim that has not been answered yet; nobody honest knows that token.
create or replace function internal.lock_lease(p_token text, p_write_class text, p_in_batch boolean default false,
  out lane cowork.lanes, out reason text)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_hash text := encode(sha256(convert_to(coalesce(p_token, ''), 'UTF8')), 'hex');
  v_lane_id uuid;
  v_is_live boolean;
  v_attempt cowork.attempts;
begin
  if not internal.must_read_committed() then
    return;
  end if;
  -- What has expired or was revoked stays so, and is refused without a lock: its holder could otherwise keep the lane from
  -- whoever takes it back.
  select l.lane_id, l.lease_expires_at > cowork.now() and w.status <> 'revoked' into v_lane_id, v_is_live
    from cowork.lanes l join cowork.workers w using (worker_id) where l.token_hash = v_hash;
  if v_is_live then
    -- Whoever is moving this lane waits for us, or we see its new token.
    if p_in_batch then
      select l.* into lane from cowork.lanes l where l.lane_id = v_lane_id for no key update skip locked;
    else
      select l.* into lane from cowork.lanes l where l.lane_id = v_lane_id for no key update;
    end if;
    if lane.token_hash = v_hash and lane.lease_expires_at > cowork.now()
      and not exists (select from cowork.workers w where w.worker_id = lane.worker_id and w.status = 'revoked')
    then
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

-- Locks the lanes that these tokens hold, in the order of their ids.
create or replace function internal.lock_lanes(p_tokens text[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  perform from unnest((select p_tokens)) t (token) join cowork.lanes l
      on l.token_hash = encode(sha256(convert_to(t.token, 'UTF8')), 'hex') and l.lease_expires_at > cowork.now()
    order by l.lane_id for no key update of l;
end $$;
