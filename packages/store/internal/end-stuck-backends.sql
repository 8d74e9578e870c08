-- Ends worker connections that sit in a transaction: a frozen or hostile worker would pin a lane beyond its lease, since
-- recovery skips locked lanes, and a role can lift its own timeouts. Runs with the worker role's membership, no more.
create or replace function internal.end_stuck_backends(p_older_than_ms integer) returns integer
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select count(*) filter (where pg_terminate_backend(a.pid))::integer from pg_stat_activity a
    where a.datname = current_database() and a.usename = 'cowork_worker'
      -- The server's own clock: xact_start knows no other.
      and a.xact_start < clock_timestamp() - make_interval(secs => p_older_than_ms / 1000.0)
$$;
grant execute on function internal.end_stuck_backends(integer) to cowork_scheduler;
