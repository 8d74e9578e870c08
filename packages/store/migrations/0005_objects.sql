-- What is kept outside of Postgres: rows here are the truth about it. An object without its row does not exist for
-- anybody, and is collected.

create table cowork.packs (
  org_id uuid not null references cowork.orgs,
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  object_key text not null unique check (length(object_key) between 1 and 1000),
  size_bytes bigint not null check (size_bytes >= 0),
  -- Reserved for encryption per session.
  key_id text,
  created_at timestamptz not null default cowork.now(),
  -- Content-addressed per tenant: forking is cheap and nothing crosses a tenant.
  primary key (org_id, sha256)
);

create table cowork.checkpoints (
  org_id uuid not null,
  session_id uuid not null,
  version integer not null check (version > 0),
  work_id uuid not null,
  attempt integer not null,
  schema_version integer not null check (schema_version > 0),
  manifest_key text not null check (length(manifest_key) between 1 and 1000),
  manifest_sha256 text not null check (manifest_sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null check (size_bytes >= 0),
  -- What the transcript showed when it was taken: what came after, a restored agent does not know.
  event_seq bigint not null,
  retention text not null default 'session' check (retention in ('session', 'pinned')),
  created_at timestamptz not null default cowork.now(),
  rejected_at timestamptz,
  rejected_reason text,
  primary key (org_id, session_id, version),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (work_id, attempt) references cowork.attempts
);

create table cowork.checkpoint_packs (
  org_id uuid not null,
  session_id uuid not null,
  version integer not null,
  sha256 text not null,
  primary key (org_id, session_id, version, sha256),
  foreign key (org_id, session_id, version) references cowork.checkpoints,
  foreign key (org_id, sha256) references cowork.packs
);
create index checkpoint_packs_by_pack on cowork.checkpoint_packs (org_id, sha256);

create table cowork.artifacts (
  org_id uuid not null,
  artifact_id uuid not null,
  session_id uuid not null,
  work_id uuid not null,
  attempt integer not null,
  name text not null check (length(name) between 1 and 500),
  content_type text not null check (length(content_type) between 1 and 200),
  object_key text not null unique check (length(object_key) between 1 and 1000),
  sha256 text not null check (sha256 ~ '^[0-9a-f]{64}$'),
  size_bytes bigint not null check (size_bytes >= 0),
  retention text not null default 'session' check (retention in ('session', 'pinned')),
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, artifact_id),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (work_id, attempt) references cowork.attempts
);
create index artifacts_by_session on cowork.artifacts (org_id, session_id, created_at desc);

-- Objects that nothing refers to any more, until their grace (at least the backups' retention) has passed.
create table cowork.objects_awaiting_collection (
  object_key text primary key,
  org_id uuid not null,
  reason text not null,
  collect_after timestamptz not null
);
create index objects_by_collection on cowork.objects_awaiting_collection (collect_after);

-- Sealed to a pool's public key: the door can store and replace one, never open it.
create table cowork.sealed_secrets (
  org_id uuid not null references cowork.orgs,
  secret_id uuid not null,
  provider text not null check (length(provider) between 1 and 100),
  version integer not null check (version > 0),
  key_id text not null,
  sealed bytea not null,
  created_at timestamptz not null default cowork.now(),
  revoked_at timestamptz,
  primary key (org_id, secret_id, version)
);
-- Whoever took the door over can't bring back a key that a person took away.
create function cowork.keep_revoked() returns trigger language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
begin
  raise exception 'a revoked secret stays revoked: store a new version' using errcode = 'CW003';
end $$;
create trigger keep_revoked before update of revoked_at on cowork.sealed_secrets
  for each row when (old.revoked_at is not null and new.revoked_at is distinct from old.revoked_at) execute function cowork.keep_revoked();
create unique index sealed_secrets_current on cowork.sealed_secrets (org_id, provider) where revoked_at is null;
