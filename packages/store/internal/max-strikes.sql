-- How many attempts may fail or be lost before work becomes a dead letter. One place for finish and recovery.
create or replace function internal.max_strikes() returns integer
language sql immutable security definer set search_path = pg_catalog as $$ select 5 $$;
