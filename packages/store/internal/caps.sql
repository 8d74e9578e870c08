-- How many attempts may fail or be lost without progress before work becomes a dead letter.
create or replace function internal.most_strikes() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 5 $$;

-- How many attempts work gets at all, progress or not.
create or replace function internal.most_attempts() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 20 $$;

-- How long work may run, all its attempts together; waiting does not count. An honest turn ends within hours.
create or replace function internal.most_work_time() returns interval
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select interval '24 hours' $$;

-- How long a lease may last at most, whatever a worker asks for: so long may one that went silent or was paused keep it.
create or replace function internal.most_lease_ms() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 60000 $$;

-- How large one batch may be in the database's own form, whoever sends it. Honest workers stop at 4 MiB of text; binary
-- JSON can be several times larger.
create or replace function internal.most_batch_bytes() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 16 * 1024 * 1024 $$;

-- How many packs one checkpoint may name.
create or replace function internal.most_packs() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 10000 $$;

-- How many rows of evidence of one kind a source may leave in a minute that belong to no organisation, and how many of all
-- kinds all sources together.
create or replace function internal.most_refusals_of_source() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 10 $$;

create or replace function internal.most_refusals_of_all() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 200 $$;

-- How large a heartbeat may be: it is kept for a month.
create or replace function internal.most_heartbeat_bytes() returns integer
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$ select 65536 $$;
