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

-- Bumped by a restore: every cursor carries it, so that no position from before the restore is believed after it.
create table cowork.plane (
  singleton boolean primary key default true check (singleton),
  epoch text not null default left(replace(gen_random_uuid()::text, '-', ''), 12),
  created_at timestamptz not null default cowork.now()
);
insert into cowork.plane default values;

-- Words of contracts that SQL needs to know; `migrate` loads them from the TypeScript tables, their only source.
create table cowork.event_types (
  type text primary key,
  producer text not null check (producer in ('plane', 'runtime')),
  projected boolean not null
);
create table cowork.failures (
  reason text primary key,
  retry text not null check (retry in ('never', 'later', 'free'))
);

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

-- Capacity --------------------------------------------------------------------------------------------------------

create table cowork.worker_pools (
  pool_id uuid primary key,
  -- Null: shared by all organisations of this plane.
  org_id uuid references cowork.orgs,
  name text not null check (length(name) between 1 and 100),
  created_at timestamptz not null default cowork.now(),
  unique nulls not distinct (org_id, name)
);

create table cowork.workers (
  worker_id uuid primary key,
  pool_id uuid not null references cowork.worker_pools,
  name text not null check (length(name) between 1 and 100),
  status text not null check (status in ('pending', 'active', 'draining', 'paused', 'unhealthy', 'retired', 'revoked')),
  created_at timestamptz not null default cowork.now(),
  status_changed_at timestamptz not null default cowork.now(),
  unique (pool_id, name)
);

create table cowork.worker_credentials (
  credential_id uuid primary key,
  worker_id uuid not null references cowork.workers,
  credential_hash text not null unique check (credential_hash ~ '^[0-9a-f]{64}$'),
  issued_at timestamptz not null default cowork.now(),
  expires_at timestamptz not null,
  revoked_at timestamptz
);
create index worker_credentials_by_worker on cowork.worker_credentials (worker_id);

-- A worker is an enrolled identity; its processes are incarnations (a rollout runs two).
create table cowork.worker_incarnations (
  worker_id uuid not null references cowork.workers,
  boot_id uuid not null,
  started_at timestamptz not null default cowork.now(),
  last_seen_at timestamptz not null default cowork.now(),
  heartbeat_seq bigint not null check (heartbeat_seq > 0),
  draining boolean not null,
  report jsonb not null,
  primary key (worker_id, boot_id)
) with (fillfactor = 70);

-- Wishes ----------------------------------------------------------------------------------------------------------

create table cowork.profiles (
  org_id uuid not null references cowork.orgs,
  profile_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  version integer not null default 1 check (version > 0),
  pool_id uuid not null references cowork.worker_pools,
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, profile_id),
  unique (org_id, name, version)
);

create table cowork.sessions (
  org_id uuid not null,
  session_id uuid not null,
  profile_id uuid not null,
  title text not null check (length(title) <= 200),
  status text not null default 'open' check (status in ('open', 'archived')),
  -- OpenCode's own stable id, known once a runtime has created it.
  runtime_session_id text check (runtime_session_id ~ '^ses_[A-Za-z0-9]{1,60}$'),
  created_by uuid not null,
  created_at timestamptz not null default cowork.now(),
  updated_at timestamptz not null default cowork.now(),
  primary key (org_id, session_id),
  unique (session_id),
  foreign key (org_id, profile_id) references cowork.profiles,
  foreign key (org_id, created_by) references cowork.memberships
) with (fillfactor = 80);
create index sessions_by_update on cowork.sessions (org_id, updated_at desc, session_id desc);

create table cowork.commands (
  org_id uuid not null,
  command_id uuid not null,
  session_id uuid not null,
  command_seq integer not null check (command_seq > 0),
  kind text not null check (kind in ('prompt')),
  body jsonb not null,
  status text not null default 'waiting' check (status in ('waiting', 'working', 'succeeded', 'failed', 'cancelled')),
  -- The newest attempt; 0 before the first.
  attempt integer not null default 0 check (attempt >= 0),
  reason text,
  created_by uuid not null,
  created_at timestamptz not null default cowork.now(),
  ended_at timestamptz,
  primary key (org_id, command_id),
  unique (session_id, command_seq),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, created_by) references cowork.memberships,
  check ((ended_at is not null) = (status in ('succeeded', 'failed', 'cancelled')))
) with (fillfactor = 80);

create table cowork.lanes (
  lane_id uuid primary key,
  org_id uuid not null,
  -- Null for units of work that belong to no session.
  session_id uuid unique,
  next_seq bigint not null default 1 check (next_seq > 0),
  next_command_seq integer not null default 1 check (next_command_seq > 0),
  -- The lease. All of it is there, or none.
  work_id uuid,
  command_id uuid,
  attempt integer,
  token_hash text unique check (token_hash ~ '^[0-9a-f]{64}$'),
  lease_expires_at timestamptz,
  worker_id uuid,
  boot_id uuid,
  last_batch_no bigint,
  last_answer jsonb,
  foreign key (org_id, session_id) references cowork.sessions,
  check (num_nonnulls(work_id, attempt, token_hash, lease_expires_at, worker_id, boot_id, last_batch_no) in (0, 7))
) with (
  fillfactor = 50,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
create index lanes_by_lease_expiry on cowork.lanes (lease_expires_at) where work_id is not null;
create index lanes_by_worker on cowork.lanes (worker_id) where work_id is not null;

create table cowork.work (
  org_id uuid not null,
  work_id uuid not null,
  lane_id uuid not null references cowork.lanes,
  session_id uuid,
  command_id uuid,
  -- Carried from the first day; workflows fill them.
  workflow_id uuid,
  workflow_run_id uuid,
  work_type text not null check (work_type in ('session_command')),
  pool_id uuid not null references cowork.worker_pools,
  status text not null check (
    status in ('queued', 'ready', 'leased', 'parked', 'succeeded', 'failed', 'cancelled', 'dead')
  ),
  -- 0 interactive, 1 run, 2 background.
  class smallint not null default 0 check (class between 0 and 2),
  position bigint not null,
  available_at timestamptz not null default cowork.now(),
  ready_at timestamptz,
  attempt integer not null default 0 check (attempt >= 0),
  -- Attempts that counted against it; a loss by drain does not.
  strikes integer not null default 0 check (strikes >= 0),
  checkpoint_version integer not null default 0,
  leased_by uuid,
  lease_expires_at timestamptz,
  last_heartbeat_at timestamptz,
  claimed_at timestamptz,
  completed_at timestamptz,
  failed_at timestamptz,
  reason text,
  -- W3C trace context of the request that wished for it, so that one trace joins door, clock and hands.
  traceparent text check (length(traceparent) = 55),
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, work_id),
  unique (work_id),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, command_id) references cowork.commands,
  check ((status = 'ready') <= (ready_at is not null)),
  check ((status = 'leased') = (leased_by is not null))
) with (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
-- The claimable index holds only claimable rows: a claim never meets one it may not take.
create index work_claimable on cowork.work (pool_id, class, ready_at) where status = 'ready';
create unique index work_by_lane on cowork.work (lane_id, position) where status in ('queued', 'ready', 'leased', 'parked');
create index work_due on cowork.work (available_at) where status = 'queued';
create unique index work_by_command on cowork.work (org_id, command_id);

create table cowork.attempts (
  work_id uuid not null references cowork.work (work_id),
  attempt integer not null check (attempt > 0),
  org_id uuid not null,
  token_hash text not null unique check (token_hash ~ '^[0-9a-f]{64}$'),
  -- A claim repeated after a lost answer finds what it was given.
  request_hash text not null check (request_hash ~ '^[0-9a-f]{64}$'),
  worker_id uuid not null references cowork.workers,
  boot_id uuid not null,
  claimed_at timestamptz not null,
  ended_at timestamptz,
  outcome text check (outcome in ('succeeded', 'failed', 'cancelled', 'released', 'retried', 'lost')),
  reason text,
  -- What finish answered, given again when finish is repeated.
  finish_batch_no bigint,
  answer jsonb,
  -- Write classes whose refusal already left evidence: the first of each is an audit row, repeats only count.
  refused_classes text[] not null default '{}',
  primary key (work_id, attempt),
  check ((ended_at is null) = (outcome is null))
) with (fillfactor = 80);
create index attempts_by_request on cowork.attempts (request_hash);

-- Facts and the read model ------------------------------------------------------------------------------------------

create table cowork.session_events (
  session_id uuid not null,
  seq bigint not null check (seq > 0),
  org_id uuid not null,
  type text not null,
  part_id text,
  payload jsonb not null,
  attempt integer,
  command_id uuid,
  at timestamptz not null,
  primary key (session_id, seq)
) with (autovacuum_vacuum_scale_factor = 0.02, autovacuum_vacuum_insert_scale_factor = 0.05);
-- Streaming deltas, until the final state of their part supersedes them.
create index session_events_deltas on cowork.session_events (session_id, part_id) where type = 'message.part.delta';

create table cowork.parts (
  session_id uuid not null,
  message_id text not null check (length(message_id) between 1 and 100),
  -- '' is the message itself.
  part_id text not null check (length(part_id) <= 100),
  org_id uuid not null,
  command_id uuid,
  attempt integer,
  last_seq bigint not null,
  body jsonb not null,
  primary key (session_id, message_id, part_id),
  foreign key (org_id, session_id) references cowork.sessions
) with (fillfactor = 80);

-- Beside the queue: stop, decisions and steering go to the holder of the lease, whatever waits in the lane.
create table cowork.signals (
  signal_id uuid primary key,
  org_id uuid not null,
  session_id uuid not null,
  work_id uuid not null references cowork.work (work_id),
  kind text not null check (kind in ('stop')),
  payload jsonb not null default '{}',
  created_by uuid not null,
  created_at timestamptz not null default cowork.now(),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, created_by) references cowork.memberships,
  -- Asking twice to stop the same work is one wish.
  unique (work_id, kind)
);

-- Evidence: plain inserts in the action's own transaction. Ids and reason codes, never prompts or secrets.
create table cowork.audit (
  audit_id bigint generated always as identity primary key,
  at timestamptz not null default cowork.now(),
  -- Null: could not be attributed to an organisation.
  org_id uuid,
  action text not null,
  reason text,
  actor_kind text not null check (actor_kind in ('user', 'worker', 'scheduler', 'operator', 'unknown')),
  actor_id uuid,
  subject jsonb not null default '{}'
);
create index audit_by_org on cowork.audit (org_id, audit_id desc);
