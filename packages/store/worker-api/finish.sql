-- Ends an attempt: its last events, its outcome and what becomes of the work, atomically, so that a finished turn can't
-- be run again because only half of its ending arrived. Race closed: a repeat after a lost answer finds the stored one.
create or replace function worker_api_v1.finish(p_token text, p_batch_no bigint, p_events jsonb, p_outcome text, p_reason text)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog as $$
#variable_conflict use_column
declare
  v_hash text := encode(sha256(convert_to(coalesce(p_token, ''), 'UTF8')), 'hex');
  v_held record;
  v_lane cowork.lanes;
  v_reason text;
  v_stored jsonb;
  v_retry text;
  v_ended jsonb;
begin
  if p_outcome not in ('succeeded', 'failed', 'cancelled', 'released') or (p_outcome = 'succeeded') <> (p_reason is null) then
    raise exception 'malformed finish' using errcode = '22023';
  end if;
  if p_reason is not null then
    select f.retry into v_retry from cowork.failures f where f.reason = p_reason;
    if not found then
      raise exception 'unknown failure reason' using errcode = '22023';
    end if;
  end if;

  select a.answer into v_stored from cowork.attempts a
    where a.token_hash = v_hash and a.outcome is not null and a.finish_batch_no = p_batch_no;
  if found then
    return query select true, null::text, v_stored;
    return;
  end if;

  select h.lane, h.reason into v_held from internal.lock_lease(p_token, 'session_command_status') h;
  v_lane := v_held.lane;
  v_reason := v_held.reason;
  if v_reason is null and p_batch_no <> v_lane.last_batch_no + 1 then
    v_reason := 'batch_out_of_order';
  end if;
  if v_reason is null and jsonb_array_length(p_events) > 500 then
    v_reason := 'batch_too_large';
  end if;
  if v_reason is not null then
    return query select false, v_reason, null::jsonb;
    return;
  end if;

  update cowork.lanes l set next_seq = internal.append_under_lease(v_lane, p_events) + 1 where l.lane_id = v_lane.lane_id;
  v_ended := internal.end_attempt(v_lane,
    case when p_outcome = 'failed' and v_retry = 'later' then 'retried' else p_outcome end, p_reason);
  update cowork.attempts a set finish_batch_no = p_batch_no where a.token_hash = v_hash returning a.answer into v_stored;
  return query select true, null::text, v_stored;
end $$;
grant execute on function worker_api_v1.finish(text, bigint, jsonb, text, text) to cowork_worker;
