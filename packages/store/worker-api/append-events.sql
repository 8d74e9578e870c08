-- Appends event batches of several lanes, each fenced by its own token; one row per input. Races closed:
--   the lease moved meanwhile      the lane is locked first and looked at after, see lock_lease
--   the answer was lost            the same batch number again gets the stored answer and writes nothing
--   two batches deadlock           lanes are locked in the order of their ids; what no lane holds any more, by token
create or replace function worker_api_v1.append_events(p_batches jsonb)
returns table (idx integer, ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_input record;
  v_held record;
  v_lane cowork.lanes;
  v_reason text;
  v_batch_no bigint;
  v_lanes cowork.lanes[];
  v_events jsonb[];
  v_index integer[];
begin
  if not internal.must_read_committed() then
    return;
  end if;
  -- All lanes are locked in one statement, in the order of their ids, and looked at as they are under the lock. What can
  -- be appended at once goes in together; everything else is taken one by one below, and answered in its own way.
  select array_agg(q.lane), array_agg(q.events), array_agg(q.n) into v_lanes, v_events, v_index from (
    select b.n, b.batch_no, b.events, b.times, b.size, l as lane
      from (
        select x.n::integer as n, encode(sha256(convert_to(x.value ->> 'token', 'UTF8')), 'hex') as token_hash,
            (x.value ->> 'batchNo')::bigint as batch_no, x.value -> 'events' as events, pg_column_size(x.value) as size,
            count(*) over (partition by x.value ->> 'token') as times
          from jsonb_array_elements(p_batches) with ordinality x (value, n)) b
        join cowork.lanes l on l.token_hash = b.token_hash and l.lease_expires_at > cowork.now()
      order by l.lane_id for no key update of l offset 0) q
    where q.times = 1 and (q.lane).lease_expires_at > cowork.now()
      and not exists (select from cowork.workers w where w.worker_id = (q.lane).worker_id and w.status = 'revoked')
      and q.batch_no = (q.lane).last_batch_no + 1
      and case when jsonb_typeof(q.events) = 'array' then jsonb_array_length(q.events) <= 500 else false end
      and q.size <= internal.most_batch_bytes();
  -- An empty call writes nothing, but makes the plans of a connection that is new.
  if v_lanes is not null or p_batches = '[]' then
    perform internal.append_under_leases(v_lanes, v_events);
    if p_batches @? '$[*].runtimeSessionId' then
      update cowork.sessions s set runtime_session_id = u.runtime_session_id
        from (select o.org_id, o.session_id, p_batches -> (v_index[o.ordinality] - 1) ->> 'runtimeSessionId' as runtime_session_id
          from unnest((select v_lanes)) with ordinality o) u
        where s.org_id = u.org_id and s.session_id = u.session_id and u.runtime_session_id is not null
          and s.runtime_session_id is distinct from u.runtime_session_id;
    end if;
    return query
      update cowork.lanes l set next_seq = l.next_seq + u.count, last_batch_no = l.last_batch_no + 1,
          last_answer = jsonb_build_object('through', l.next_seq + u.count - 1)
        from (select o.lane_id, v_index[o.ordinality] as n, jsonb_array_length(v_events[o.ordinality]) as count
          from unnest((select v_lanes)) with ordinality o) u
        where l.lane_id = u.lane_id returning u.n, true, null::text, l.last_answer;
    if coalesce(cardinality(v_lanes), 0) = jsonb_array_length(p_batches) then
      return;
    end if;
  end if;

  for v_input in
    select b.value, b.n::integer as n from jsonb_array_elements(p_batches) with ordinality b (value, n)
      left join cowork.lanes l on l.token_hash = encode(sha256(convert_to(b.value ->> 'token', 'UTF8')), 'hex')
      where b.n <> all (coalesce(v_index, '{}'))
      order by l.lane_id nulls last, b.value ->> 'token', b.n
  loop
    select h.lane, h.reason into v_held from internal.lock_lease(v_input.value ->> 'token', 'events', true) h;
    v_lane := v_held.lane;
    v_reason := v_held.reason;
    v_batch_no := (v_input.value ->> 'batchNo')::bigint;
    if v_batch_no is null or jsonb_typeof(v_input.value -> 'events') is distinct from 'array' then
      raise exception 'malformed batch' using errcode = '22023';
    end if;
    if v_reason is null and v_batch_no = v_lane.last_batch_no and v_batch_no > 0 then
      return query select v_input.n, true, null::text, v_lane.last_answer;
      continue;
    end if;
    if v_reason is null and v_batch_no <> v_lane.last_batch_no + 1 then
      v_reason := 'batch_out_of_order';
    end if;
    if v_reason is null and (jsonb_array_length(v_input.value -> 'events') > 500
      or pg_column_size(v_input.value) > internal.most_batch_bytes()) then
      v_reason := 'batch_too_large';
    end if;
    if v_reason is not null then
      return query select v_input.n, false, v_reason, null::jsonb;
      continue;
    end if;

    -- The same lane several times in one call.
    perform internal.append_under_leases(array[v_lane], array[v_input.value -> 'events']);
    update cowork.lanes l set next_seq = l.next_seq + jsonb_array_length(v_input.value -> 'events'), last_batch_no = v_batch_no,
        last_answer = jsonb_build_object('through', l.next_seq + jsonb_array_length(v_input.value -> 'events') - 1)
      where l.lane_id = v_lane.lane_id returning l.* into v_lane;
    if v_input.value ->> 'runtimeSessionId' is not null then
      update cowork.sessions s set runtime_session_id = v_input.value ->> 'runtimeSessionId'
        where s.org_id = v_lane.org_id and s.session_id = v_lane.session_id
          and s.runtime_session_id is distinct from v_input.value ->> 'runtimeSessionId';
    end if;
    return query select v_input.n, true, null::text, v_lane.last_answer;
  end loop;
end $$;
grant execute on function worker_api_v1.append_events(jsonb) to cowork_worker;
