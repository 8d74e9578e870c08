-- Meters an attempt. Each record has a key of its own, so that a repeat after a lost answer counts once; a key that comes
-- back with another amount is refused, and nothing of its call is counted.
create or replace function worker_api_v1.record_usage(p_token text, p_records jsonb)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_held record;
  v_lane cowork.lanes;
  v_at timestamptz;
begin
  select h.lane, h.reason into v_held from internal.lock_lease(p_token, 'usage_records') h;
  if v_held.reason is null and jsonb_array_length(p_records) > 500 then
    v_held.reason := 'batch_too_large';
  end if;
  if v_held.reason is not null then
    return query select false, v_held.reason, null::jsonb;
    return;
  end if;
  v_lane := v_held.lane;
  -- The attempt's own instant and not that of the call, because the partition key is part of what makes a record unique.
  select a.claimed_at into v_at from cowork.attempts a where a.work_id = v_lane.work_id and a.attempt = v_lane.attempt;
  if exists (
    select from jsonb_array_elements(p_records) r
      left join cowork.usage u on u.work_id = v_lane.work_id and u.attempt = v_lane.attempt and u.kind = r ->> 'kind'
        and u.key = r ->> 'key' and u.at = v_at
      group by r ->> 'kind', r ->> 'key'
      having count(distinct (r ->> 'amount')::bigint) > 1 or bool_or(u.amount <> (r ->> 'amount')::bigint))
  then
    return query select false, 'idempotency_conflict', null::jsonb;
    return;
  end if;
  insert into cowork.usage (org_id, work_id, attempt, kind, key, amount, at)
    select v_lane.org_id, v_lane.work_id, v_lane.attempt, r ->> 'kind', r ->> 'key', (r ->> 'amount')::bigint, v_at
      from jsonb_array_elements(p_records) r
    on conflict (work_id, attempt, kind, key, at) do nothing;
  return query select true, null::text, '{}'::jsonb;
end $$;
grant execute on function worker_api_v1.record_usage(text, jsonb) to cowork_worker;
