-- Appends event batches of several lanes, each fenced by its own token; one row per input. Races closed:
--   the lease moved meanwhile      the lane is locked first and looked at after, see lock_lease
--   the answer was lost            the same batch number again gets the stored answer and writes nothing
--   two batches deadlock           lanes are locked in the order of their ids
create or replace function worker_api_v1.append_events(p_batches jsonb)
returns table (idx integer, ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_input record;
  v_held record;
  v_lane cowork.lanes;
  v_reason text;
  v_batch_no bigint;
  v_answer jsonb;
  v_through bigint;
begin
  for v_input in
    select b.value, b.n::integer as n from jsonb_array_elements(p_batches) with ordinality b (value, n)
      left join cowork.lanes l on l.token_hash = encode(sha256(convert_to(b.value ->> 'token', 'UTF8')), 'hex')
      order by l.lane_id nulls last, b.n
  loop
    select h.lane, h.reason into v_held from internal.lock_lease(v_input.value ->> 'token', 'events') h;
    v_lane := v_held.lane;
    v_reason := v_held.reason;
    v_batch_no := (v_input.value ->> 'batchNo')::bigint;
    if v_reason is null and v_batch_no = v_lane.last_batch_no then
      return query select v_input.n, true, null::text, v_lane.last_answer;
      continue;
    end if;
    if v_reason is null and v_batch_no <> v_lane.last_batch_no + 1 then
      v_reason := 'batch_out_of_order';
    end if;
    if v_reason is null and jsonb_array_length(v_input.value -> 'events') > 500 then
      v_reason := 'batch_too_large';
    end if;
    if v_reason is not null then
      return query select v_input.n, false, v_reason, null::jsonb;
      continue;
    end if;

    v_through := internal.append_under_lease(v_lane, v_input.value -> 'events');
    v_answer := jsonb_build_object('through', v_through);
    update cowork.lanes l set next_seq = v_through + 1, last_batch_no = v_batch_no, last_answer = v_answer
      where l.lane_id = v_lane.lane_id;
    if v_input.value ->> 'runtimeSessionId' is not null then
      update cowork.sessions s set runtime_session_id = v_input.value ->> 'runtimeSessionId'
        where s.org_id = v_lane.org_id and s.session_id = v_lane.session_id
          and s.runtime_session_id is distinct from v_input.value ->> 'runtimeSessionId';
    end if;
    return query select v_input.n, true, null::text, v_answer;
  end loop;
end $$;
grant execute on function worker_api_v1.append_events(jsonb) to cowork_worker;
