-- The signals that wait for the holders of leases, without renewing anything; one row per input. They stay until the
-- attempt ends, so a lost answer loses none.
create or replace function worker_api_v1.take_signals(p_tokens text[])
returns table (idx integer, ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_input record;
  v_held record;
begin
  perform internal.lock_lanes(p_tokens);
  for v_input in
    select t.token, t.n::integer as n from unnest(p_tokens) with ordinality t (token, n)
      left join cowork.lanes l on l.token_hash = encode(sha256(convert_to(t.token, 'UTF8')), 'hex')
      order by l.lane_id nulls last, t.token, t.n
  loop
    select h.lane, h.reason into v_held from internal.lock_lease(v_input.token, 'signals', true) h;
    return query select v_input.n, v_held.reason is null, v_held.reason,
      case when v_held.reason is null then internal.signals_of((v_held.lane).work_id) end;
  end loop;
end $$;
grant execute on function worker_api_v1.take_signals(text[]) to cowork_worker;
