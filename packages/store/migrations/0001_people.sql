-- The truth of the plane. Rooms meet only here.
--
-- Reading guide: a wish is a row in `commands`; what a worker can claim for it is a row in `work`; `lanes` is the one
-- narrow, hot row per session that holds the fence (token hash, expiry) and the event sequence together, so that an
-- append takes exactly one row lock. `attempts` is the ledger of leases. `session_events` are the facts, `parts` and
-- `commands` the read model, written in the same transaction.
--
-- Lock order, everywhere: lanes by id -> work -> the rest. Locks are FOR NO KEY UPDATE, because plain FOR UPDATE blocks
-- inserts that reference the row.

create schema cowork;

-- Exactly this body in production: services refuse to start otherwise. Only the testkit, as owner, replaces it. A
-- setting could be changed by any role and would turn an expired lease into a live one.
create function cowork.now() returns timestamptz language sql volatile parallel safe as 'select clock_timestamp()';

-- What columns of hot tables may hold. Domains and not CHECKs of the tables: a domain looks at a value when it is assigned
-- and its condition is read once per connection, while every statement that writes to a table reads, plans and tries all
-- of the table's CHECKs, also those of columns that it leaves alone. That was a quarter of what the verbs cost.
create domain cowork.sha256_hex as text
  check (octet_length(value) = 64 and encode(decode(value, 'hex'), 'hex') = value);
create domain cowork.short_text as text check (length(value) <= 200);
create domain cowork.some_short_id as text check (length(value) between 1 and 100);
create domain cowork.short_id as text check (length(value) <= 100);
create domain cowork.runtime_id as text check (value ~ '^ses_[A-Za-z0-9]{1,60}$');
create domain cowork.trace_context as text check (length(value) = 55);
create domain cowork.ordinal as integer check (value > 0);
create domain cowork.big_ordinal as bigint check (value > 0);
create domain cowork.tally as integer check (value >= 0);
create domain cowork.big_tally as bigint check (value >= 0);
create domain cowork.share as double precision check (value between 0.01 and 100);
create domain cowork.session_status as text check (value in ('open', 'archived'));
create domain cowork.command_kind as text check (value in ('prompt'));
create domain cowork.command_status as text
  check (value in ('waiting', 'working', 'succeeded', 'failed', 'cancelled'));
create domain cowork.work_type as text check (value in ('session_command', 'secret_validate', 'secret_reseal'));
create domain cowork.work_status as text
  check (value in ('queued', 'ready', 'leased', 'parked', 'succeeded', 'failed', 'cancelled', 'dead'));
-- 0 interactive, 1 run, 2 background.
create domain cowork.work_class as smallint check (value between 0 and 2);
create domain cowork.attempt_outcome as text
  check (value in ('succeeded', 'failed', 'cancelled', 'released', 'retried', 'lost'));
create domain cowork.feed_topic as text check (value in ('session', 'inbox', 'fleet'));
create domain cowork.actor_kind as text check (value in ('user', 'worker', 'scheduler', 'operator', 'unknown'));

-- Bumped by a restore: every cursor carries it, so that no position from before the restore is believed after it.
create table cowork.plane (
  singleton boolean primary key default true check (singleton),
  epoch text not null default left(replace(gen_random_uuid()::text, '-', ''), 12),
  -- Which database this is: in a copy of it, it is another's.
  database_oid oid not null,
  -- Facts of these transactions and before are gone from the feed, or some of them.
  feed_forgotten xid8 not null default '0',
  created_at timestamptz not null default cowork.now()
);
insert into cowork.plane (database_oid) select oid from pg_database where datname = current_database();

-- Words of contracts that SQL needs to know; `migrate` loads them from the TypeScript tables, their only source.
create table cowork.event_types (
  type text primary key,
  producer text not null check (producer in ('plane', 'runtime')),
  projected boolean not null
);
create table cowork.failures (
  reason text primary key,
  -- never: the work has failed. later: another attempt after a pause, counted. free: another at once, not counted.
  retry text not null check (retry in ('never', 'later', 'free')),
  pause_ms integer not null check (pause_ms >= 0),
  pause_most_ms integer not null check (pause_most_ms >= pause_ms)
);
create table cowork.lifecycle_moves (
  machine text not null,
  from_state text not null,
  to_state text not null,
  primary key (machine, from_state, to_state)
);
-- The same as `from>to`, in a function that `migrate` makes anew from the table: a trigger that runs for every move of
-- every row would pay for a query each time what it pays for a hundred comparisons.
create function cowork.lawful_moves(p_machine text) returns text[] language sql immutable parallel safe as 'select ''{}''::text[]';
create table cowork.quota_defaults (
  quota text primary key,
  most bigint not null check (most >= 0)
);

-- The one guard of every state: whoever writes one, by whatever statement, moves along the table above or not at all.
create function cowork.guard_move() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not (old.status || '>' || new.status) = any (cowork.lawful_moves(tg_argv[0])) then
    raise exception 'unlawful move of a %: % to %', tg_argv[0], old.status, new.status using errcode = 'CW001';
  end if;
  return new;
end $$;

-- People ----------------------------------------------------------------------------------------------------------

create table cowork.orgs (
  org_id uuid primary key,
  name text not null check (length(name) between 1 and 200),
  created_at timestamptz not null default cowork.now()
);

create table cowork.users (
  user_id uuid primary key,
  email text not null check (email = lower(email) and length(email) between 3 and 320),
  display_name text not null check (length(display_name) between 1 and 200),
  created_at timestamptz not null default cowork.now(),
  unique (email)
);

create table cowork.memberships (
  org_id uuid not null references cowork.orgs,
  user_id uuid not null references cowork.users,
  role text not null check (role in ('owner', 'admin', 'member', 'viewer')),
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, user_id)
);

-- Only hashes of what a person carries are kept.
create table cowork.sign_in_links (
  link_hash text primary key check (link_hash ~ '^[0-9a-f]{64}$'),
  org_id uuid not null,
  user_id uuid not null,
  expires_at timestamptz not null,
  used_at timestamptz,
  foreign key (org_id, user_id) references cowork.memberships
);

create table cowork.browser_sessions (
  browser_session_id uuid primary key default gen_random_uuid(),
  token_hash text not null unique check (token_hash ~ '^[0-9a-f]{64}$'),
  org_id uuid not null,
  user_id uuid not null,
  created_at timestamptz not null default cowork.now(),
  expires_at timestamptz not null,
  ended_at timestamptz,
  foreign key (org_id, user_id) references cowork.memberships
);

-- What a machine carries in a person's name. The secret itself is shown once and never stored.
create table cowork.api_tokens (
  token_id uuid primary key,
  token_hash text not null unique check (token_hash ~ '^[0-9a-f]{64}$'),
  org_id uuid not null,
  user_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  scopes text[] not null,
  created_at timestamptz not null default cowork.now(),
  expires_at timestamptz not null,
  revoked_at timestamptz,
  foreign key (org_id, user_id) references cowork.memberships
);
create index api_tokens_by_person on cowork.api_tokens (org_id, user_id);

-- Fairness and quota of one organisation, in one row that whoever promotes its work locks last: lanes by id -> work ->
-- tenants. `waiting` and `promoted` (ready, leased or parked in memory) equal a recount from `work` at every commit.
create table cowork.tenants (
  org_id uuid primary key references cowork.orgs,
  waiting cowork.big_tally not null default 0,
  promoted cowork.big_tally not null default 0,
  -- Where this organisation stands in the fair order: grows by 1/weight with each promotion.
  last_tag double precision not null default 0,
  weight cowork.share not null default 1
) with (fillfactor = 50, autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_cost_delay = 0);

-- An organisation's own limits; what is not here has the default.
create table cowork.quotas (
  org_id uuid not null references cowork.orgs,
  quota text not null references cowork.quota_defaults,
  most bigint not null check (most >= 0),
  primary key (org_id, quota)
);

create table cowork.entitlements (
  org_id uuid not null references cowork.orgs,
  entitlement text not null check (length(entitlement) between 1 and 100),
  granted_at timestamptz not null default cowork.now(),
  expires_at timestamptz,
  primary key (org_id, entitlement)
);
