-- Capacity: who may do work, under which policy, and which of their processes live.

create table cowork.worker_pools (
  pool_id uuid primary key,
  -- Null: shared by all organisations of this plane.
  org_id uuid references cowork.orgs,
  name text not null check (length(name) between 1 and 100),
  workers_most integer not null default 1000 check (workers_most >= 0),
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
  -- A person's word outlives a heartbeat: set by one, `unhealthy` ends by one only.
  status_by text not null default 'plane' check (status_by in ('plane', 'person')),
  unique (pool_id, name)
);
create trigger guard_move before update of status on cowork.workers
  for each row when (old.status is distinct from new.status) execute function cowork.guard_move('worker');

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
  primary key (worker_id, boot_id),
  -- A process is one worker's: what is reserved for it is found by its boot id alone.
  unique (boot_id)
) with (fillfactor = 70);

-- What was reported, for whoever asks later. Retention drops whole months.
create table cowork.worker_heartbeats (
  worker_id uuid not null,
  boot_id uuid not null,
  seq bigint not null,
  at timestamptz not null default cowork.now(),
  report jsonb not null,
  primary key (worker_id, boot_id, seq, at)
) partition by range (at);
create table cowork.worker_heartbeats_rest partition of cowork.worker_heartbeats default;

create table cowork.profiles (
  org_id uuid not null references cowork.orgs,
  profile_id uuid not null,
  name text not null check (length(name) between 1 and 100),
  version integer not null default 1 check (version > 0),
  pool_id uuid not null references cowork.worker_pools,
  provider text not null default 'default' check (length(provider) between 1 and 100),
  -- What a worker must be able to do to serve this profile.
  capabilities text[] not null default '{}',
  -- What agents may do, what they must ask for, and for how long they wait: contracts/src/profile-policy.ts.
  policy jsonb not null default '{}',
  -- The line that people choose it by.
  about text not null default '' check (length(about) <= 300),
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, profile_id),
  unique (org_id, name, version)
);

-- A pool that belongs to an organisation serves nobody else: routes, and so claims, come from profiles only.
create function cowork.guard_pool() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  if not exists (select from cowork.worker_pools p where p.pool_id = new.pool_id and (p.org_id is null or p.org_id = new.org_id)) then
    raise exception 'a profile may name a shared pool or one of its own organisation' using errcode = 'CW002';
  end if;
  return new;
end $$;
create trigger guard_pool before insert or update of pool_id, org_id on cowork.profiles
  for each row execute function cowork.guard_pool();
-- What profiles were checked against stays so.
create function cowork.keep_pool() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'a pool stays with whom it was made for: make another one' using errcode = 'CW002';
end $$;
create trigger keep_pool before update of org_id on cowork.worker_pools
  for each row when (old.org_id is distinct from new.org_id) execute function cowork.keep_pool();

-- Where a session's files come from and stay.
create table cowork.workspaces (
  org_id uuid not null references cowork.orgs,
  workspace_id uuid not null,
  name text not null check (length(name) between 1 and 200),
  source jsonb not null default '{"kind": "empty"}',
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, workspace_id)
);

-- What a worker must match, interned: claims read one short index per route they serve and never meet a row that they
-- may not take. `floor` is a lower bound of the tags of ready rows in each class: a claim starts there, so that index
-- entries of rows that were claimed long ago, which an old snapshot keeps from being removed, cost it nothing.
create table cowork.routes (
  route_id integer generated always as identity primary key,
  pool_id uuid not null references cowork.worker_pools,
  provider text not null,
  capabilities text[] not null,
  floor double precision not null default 0,
  unique (pool_id, provider, capabilities)
) with (fillfactor = 50);
