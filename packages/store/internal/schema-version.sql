-- Each service compares this with what it was built for before it starts.
create or replace function internal.schema_version() returns text
language sql stable security definer set search_path = pg_catalog, pg_temp as
$$ select max(name) from cowork_migrations.kysely_migration $$;
grant execute on function internal.schema_version() to cowork_web, cowork_scheduler, cowork_worker;
