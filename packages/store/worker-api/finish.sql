-- Ends attempts: last events, outcome and what becomes of the work, each atomically, so that a finished turn can't be run
-- again because only half of its ending arrived; one row per input. Races closed:
--   the answer was lost            the same token and batch number find the stored answer
--   two batches deadlock           all lanes are locked first, in the order of their ids, before any tenant's row is
create or replace function worker_api_v1.finish(p_endings jsonb)
returns table (idx integer, ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
#variable_conflict use_column
declare
  v_input record;
  v_held record;
  v_lanes cowork.lanes[] := '{}';
  v_index integer[] := '{}';
  v_outcomes text[] := '{}';
  v_reasons text[] := '{}';
  v_events jsonb[] := '{}';
  v_counts integer[] := '{}';
  v_batch_nos bigint[] := '{}';
  v_outcome text;
  v_failure text;
  v_retry text;
  v_stored jsonb;
  v_met uuid[];
  v_beside uuid[];
begin
  if jsonb_array_length(p_endings) > 200 then
    raise exception 'malformed finish' using errcode = '22023';
  end if;
  if not internal.must_read_committed() then
    return;
  end if;
  select array_agg(l.lane_id) into v_met from cowork.lanes l where l.token_hash in (
    select encode(sha256(convert_to(x.value ->> 'token', 'UTF8')), 'hex') from jsonb_array_elements(p_endings) x (value));
  -- As in append_events: all lanes at once, and what has nothing special about it needs no look of its own.
  select coalesce(array_agg(q.lane), '{}'), coalesce(array_agg(q.n), '{}'), coalesce(array_agg('succeeded'::text), '{}'),
      coalesce(array_agg(null::text), '{}'), coalesce(array_agg(q.value -> 'events'), '{}'),
      coalesce(array_agg(jsonb_array_length(q.value -> 'events')), '{}'), coalesce(array_agg((q.value ->> 'batchNo')::bigint), '{}')
    into v_lanes, v_index, v_outcomes, v_reasons, v_events, v_counts, v_batch_nos from (
    select e.n, e.value, e.times, l as lane
      from (
        select x.n::integer as n, x.value, encode(sha256(convert_to(x.value ->> 'token', 'UTF8')), 'hex') as token_hash,
            count(*) over (partition by x.value ->> 'token') as times
          from jsonb_array_elements(p_endings) with ordinality x (value, n)) e
        join cowork.lanes l on l.token_hash = e.token_hash and l.lease_expires_at > cowork.now()
      order by l.lane_id for no key update of l offset 0) q
    where q.times = 1 and (q.lane).lease_expires_at > cowork.now()
      and not exists (select from cowork.workers w where w.worker_id = (q.lane).worker_id and w.status = 'revoked')
      and (q.value ->> 'batchNo')::bigint = (q.lane).last_batch_no + 1
      and q.value ->> 'outcome' = 'succeeded' and q.value ->> 'reason' is null
      and case when jsonb_typeof(q.value -> 'events') = 'array' then jsonb_array_length(q.value -> 'events') <= 500 else false end
      and pg_column_size(q.value) <= internal.most_batch_bytes();

  for v_input in
    select e.value, e.n::integer as n, encode(sha256(convert_to(e.value ->> 'token', 'UTF8')), 'hex') as token_hash
      from jsonb_array_elements(p_endings) with ordinality e (value, n)
      left join cowork.lanes l on l.token_hash = encode(sha256(convert_to(e.value ->> 'token', 'UTF8')), 'hex')
      where e.n <> all (v_index)
      order by l.lane_id nulls last, e.value ->> 'token', e.n
  loop
    v_outcome := v_input.value ->> 'outcome';
    v_failure := v_input.value ->> 'reason';
    v_retry := (select f.retry from cowork.failures f where f.reason = v_failure);
    if v_outcome is null or v_outcome not in ('succeeded', 'failed', 'cancelled', 'released')
      or (v_outcome = 'succeeded') <> (v_failure is null)
      or (v_failure is not null and v_retry is null)
      or v_input.value ->> 'batchNo' is null or jsonb_typeof(v_input.value -> 'events') is distinct from 'array'
    then
      raise exception 'malformed finish' using errcode = '22023';
    end if;
    select h.lane, h.reason into v_held from internal.lock_lease(v_input.value ->> 'token', 'session_command_status', true) h;
    -- After the lane's lock, because the first call may have been running still when this one began.
    select a.answer into v_stored from cowork.attempts a
      where v_held.reason = 'lease_ended' and a.token_hash = v_input.token_hash
        and a.finish_batch_no = (v_input.value ->> 'batchNo')::bigint;
    if found then
      return query select v_input.n, true, null::text, v_stored;
      continue;
    end if;
    -- The same lease twice in one call: the first ending counts.
    if v_held.reason is null and ((v_input.value ->> 'batchNo')::bigint <> (v_held.lane).last_batch_no + 1
      or (v_held.lane).lane_id = any (select l.lane_id from unnest(v_lanes) l)) then
      v_held.reason := 'batch_out_of_order';
    end if;
    if v_held.reason is null and (jsonb_array_length(v_input.value -> 'events') > 500
      or pg_column_size(v_input.value) > internal.most_batch_bytes()) then
      v_held.reason := 'batch_too_large';
    end if;
    if v_held.reason is not null then
      return query select v_input.n, false, v_held.reason, null::jsonb;
      continue;
    end if;
    v_lanes := v_lanes || v_held.lane;
    v_index := v_index || v_input.n;
    v_outcomes := v_outcomes || case when v_outcome <> 'failed' then v_outcome
      else case v_retry when 'later' then 'retried' when 'free' then 'released' else 'failed' end end;
    v_reasons := v_reasons || v_failure;
    v_events := array_append(v_events, v_input.value -> 'events');
    v_counts := v_counts || jsonb_array_length(v_input.value -> 'events');
    v_batch_nos := v_batch_nos || (v_input.value ->> 'batchNo')::bigint;
  end loop;

  -- A lane that was taken away while we waited for it is held by us now, and whoever gave room to its organisation in
  -- this moment has passed over it.
  if cardinality(v_met) > cardinality(v_lanes) then
    select array_agg(b.lane_id) into v_beside from (
      select l.lane_id from cowork.lanes l where l.lane_id = any (v_met) and l.work_id is null
        order by l.lane_id for no key update skip locked) b;
  end if;
  -- An empty call ends nothing, but makes the plans of a connection that is new.
  if cardinality(v_lanes) = 0 and v_beside is null and p_endings <> '[]' then
    return;
  end if;
  if 0 < any (v_counts) or p_endings = '[]' then
    perform internal.append_under_leases(v_lanes, v_events);
  end if;
  perform internal.end_attempts(v_lanes, v_outcomes, v_reasons, v_counts, v_batch_nos, coalesce(v_beside, '{}'));
  return query select v_index[o.ordinality], true, null::text, jsonb_build_object('through', o.next_seq + v_counts[o.ordinality])
    from unnest((select v_lanes)) with ordinality o;
end $$;
grant execute on function worker_api_v1.finish(jsonb) to cowork_worker;
