-- Whether this is a copy of the database that was set up, or its transactions are numbered anew: what was sealed then lies
-- ahead of every transaction of now, and cursors point to what is not there.
create or replace function internal.is_restored() returns boolean
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select p.database_oid <> d.oid or s.sealed_to > pg_snapshot_xmax(pg_current_snapshot())
    from cowork.plane p, cowork.audit_sealer s, pg_database d where d.datname = current_database()
$$;
grant execute on function internal.is_restored() to cowork_web, cowork_scheduler, cowork_worker;
