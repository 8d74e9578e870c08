-- What waits for the holder of a piece of work, oldest first.
create or replace function internal.signals_of(p_work_id uuid) returns jsonb
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select jsonb_build_object('signals', coalesce(
    jsonb_agg(jsonb_build_object('signalId', s.signal_id, 'kind', s.kind, 'payload', s.payload) order by s.created_at), '[]'))
    from cowork.signals s where s.work_id = p_work_id
$$;
