-- Evidence: plain inserts in the action's own transaction, so that an action whose evidence fails fails too. Ids and
-- reason codes, never prompts or secrets. A sealer chains what has committed, segment by segment.

create table cowork.audit (
  audit_id bigint generated always as identity,
  -- Counts restores: transactions of a restored database are numbered anew. See src/migrate/after-restore.ts.
  era integer not null default 1,
  xid xid8 not null default pg_current_xact_id(),
  at timestamptz not null default cowork.now(),
  -- Null: could not be attributed to an organisation.
  org_id uuid,
  action text not null,
  reason text,
  actor_kind cowork.actor_kind not null,
  actor_id uuid,
  subject jsonb not null default '{}',
  primary key (at, audit_id)
) partition by range (at);
create table cowork.audit_rest partition of cowork.audit default;
create index audit_by_org on cowork.audit (org_id, audit_id desc);
create index audit_by_xid on cowork.audit (era, xid);
-- For the limit on what belongs to nobody, which looks at its last minute.
create index audit_unattributed on cowork.audit (action, at) where org_id is null;

-- Counts what was over that limit. Not a row, which would stay locked until the end of whoever was refused last. After a
-- crash of the server it may be up to 32 ahead.
create sequence cowork.refusals_left_out;

-- One chain per organisation and one, the zero id, for what belongs to none. A seal covers the rows of its chain whose
-- transactions lie in [from_xid, to_xid) of its era: all of them had ended when it was made, so none can join later.
create table cowork.audit_seals (
  chain uuid not null,
  era integer not null,
  seal_no bigint not null check (seal_no > 0),
  from_xid xid8 not null,
  to_xid xid8 not null,
  -- The earliest time among its rows: whole months are dropped, and a seal may reach into one.
  first_at timestamptz not null,
  row_count bigint not null check (row_count > 0),
  rows_sha256 text not null check (rows_sha256 ~ '^[0-9a-f]{64}$'),
  previous text not null check (previous ~ '^[0-9a-f]{64}$'),
  head text not null check (head ~ '^[0-9a-f]{64}$'),
  sealed_at timestamptz not null default cowork.now(),
  primary key (chain, era, seal_no)
);

-- How far the sealer has come; one row, which also keeps two schedulers from sealing at once.
create table cowork.audit_sealer (
  singleton boolean primary key default true check (singleton),
  era integer not null default 1,
  sealed_to xid8 not null default '0',
  -- Rows from before were dropped with their months; their seals stay.
  dropped_before timestamptz not null default '-infinity',
  -- How many of the refusals that left no row the chain has been told of, and when.
  left_out_told bigint not null default 0,
  left_out_told_at timestamptz not null default '-infinity'
);
insert into cowork.audit_sealer default values;
