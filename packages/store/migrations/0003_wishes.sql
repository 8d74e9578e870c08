-- Wishes, and the work they become. See the reading guide in 0001_people.sql.

create table cowork.sessions (
  org_id uuid not null,
  session_id uuid not null,
  profile_id uuid not null,
  workspace_id uuid,
  title cowork.short_text not null,
  status cowork.session_status not null default 'open',
  -- OpenCode's own stable id, known once a runtime has created it.
  runtime_session_id cowork.runtime_id,
  created_by uuid not null,
  created_at timestamptz not null default cowork.now(),
  updated_at timestamptz not null default cowork.now(),
  primary key (org_id, session_id),
  unique (session_id),
  foreign key (org_id, profile_id) references cowork.profiles,
  foreign key (org_id, workspace_id) references cowork.workspaces,
  foreign key (org_id, created_by) references cowork.memberships
) with (fillfactor = 80);
create trigger guard_move before update of status on cowork.sessions
  for each row when (old.status is distinct from new.status) execute function cowork.guard_move('session');
create index sessions_by_update on cowork.sessions (org_id, updated_at desc, session_id desc);

create table cowork.commands (
  org_id uuid not null,
  command_id uuid not null,
  session_id uuid not null,
  command_seq cowork.ordinal not null,
  kind cowork.command_kind not null,
  body jsonb not null,
  status cowork.command_status not null default 'waiting',
  -- The newest attempt; 0 before the first.
  attempt cowork.tally not null default 0,
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
create trigger guard_move before update of status on cowork.commands
  for each row when (old.status is distinct from new.status) execute function cowork.guard_move('command');

create table cowork.lanes (
  lane_id uuid primary key,
  org_id uuid not null,
  -- Null for units of work that belong to no session.
  session_id uuid unique,
  next_seq cowork.big_ordinal not null default 1,
  next_command_seq cowork.ordinal not null default 1,
  next_position cowork.big_ordinal not null default 1,
  -- Who served it last: its runtime may still be warm there.
  last_boot_id uuid,
  -- The lease. All of it is there, or none.
  work_id uuid,
  command_id uuid,
  attempt integer,
  token_hash cowork.sha256_hex unique,
  lease_expires_at timestamptz,
  worker_id uuid,
  boot_id uuid,
  last_batch_no bigint,
  last_answer jsonb,
  -- Of this lease; its end says how many there were, because a row of evidence for each would be most of the audit.
  renewals integer not null default 0,
  renewed_at timestamptz,
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
  lane_id uuid not null,
  session_id uuid,
  command_id uuid,
  -- Carried from the first day; workflows fill them.
  workflow_id uuid,
  workflow_run_id uuid,
  work_type cowork.work_type not null,
  route_id integer not null,
  status cowork.work_status not null,
  class cowork.work_class not null default 0,
  -- Given at promotion: where the row stands among all tenants of its route.
  tag double precision,
  -- While set, only this process may claim it; cleared by the tick after a moment.
  preferred_boot_id uuid,
  position bigint not null,
  -- First of the live rows of its lane.
  is_head boolean not null,
  available_at timestamptz not null default cowork.now(),
  ready_at timestamptz,
  attempt cowork.tally not null default 0,
  -- Attempts that counted against it; a loss by drain does not.
  strikes cowork.tally not null default 0,
  checkpoint_version integer not null default 0,
  leased_by uuid,
  lease_expires_at timestamptz,
  last_heartbeat_at timestamptz,
  claimed_at timestamptz,
  completed_at timestamptz,
  failed_at timestamptz,
  reason text,
  -- W3C trace context of the request that wished for it, so that one trace joins door, clock and hands.
  traceparent cowork.trace_context,
  created_at timestamptz not null default cowork.now(),
  primary key (org_id, work_id),
  unique (work_id),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, command_id) references cowork.commands,
  check (
    (status = 'ready') <= (ready_at is not null and tag is not null and is_head)
    and (status = 'leased') <= is_head
    and (status = 'leased') = (leased_by is not null)
  )
) with (
  fillfactor = 60,
  autovacuum_vacuum_scale_factor = 0.01,
  autovacuum_vacuum_cost_delay = 0
);
create trigger guard_move before update of status on cowork.work
  for each row when (old.status is distinct from new.status) execute function cowork.guard_move('work');
-- The claimable indexes hold only claimable rows: a claim never meets one it may not take.
create index work_claimable on cowork.work (route_id, class, tag) where status = 'ready' and preferred_boot_id is null;
create index work_preferred on cowork.work (preferred_boot_id, class, tag) where status = 'ready' and preferred_boot_id is not null;
create index work_aging on cowork.work (ready_at) where status = 'ready' and class > 0;
-- One live row per place, and at most one of them promoted.
create unique index work_by_lane on cowork.work (lane_id, position) where status in ('queued', 'ready', 'leased', 'parked');
create unique index work_promoted_by_lane on cowork.work (lane_id) where status in ('ready', 'leased', 'parked');
-- Heads that wait for their time or for their tenant's quota.
create index work_heads_by_tenant on cowork.work (org_id, class, available_at) where status = 'queued' and is_head;
create unique index work_by_command on cowork.work (org_id, command_id);

-- Which lane the tick has come to in looking for heads that nobody marked; one row, which also keeps two schedulers from it.
create table cowork.head_mender (
  singleton boolean primary key default true check (singleton),
  checked_to uuid not null default '00000000-0000-0000-0000-000000000000'
);
insert into cowork.head_mender default values;

create table cowork.attempts (
  work_id uuid not null references cowork.work (work_id),
  attempt cowork.ordinal not null,
  org_id uuid not null,
  token_hash cowork.sha256_hex not null unique,
  -- A claim repeated after a lost answer finds what it was given.
  request_hash cowork.sha256_hex not null,
  worker_id uuid not null,
  boot_id uuid not null,
  claimed_at timestamptz not null,
  ended_at timestamptz,
  outcome cowork.attempt_outcome,
  reason text,
  -- The furthest checkpoint it saved that no attempt before it had; a loss after such progress costs no strike.
  checkpoint_version integer not null default 0,
  -- What finish answered, given again when finish is repeated.
  finish_batch_no bigint,
  answer jsonb,
  -- Write classes whose refusal already left evidence: the first of each is an audit row, repeats only count.
  refused_classes text[] not null default '{}',
  primary key (work_id, attempt),
  check ((ended_at is null) = (outcome is null))
) with (fillfactor = 80);
create index attempts_by_request on cowork.attempts (request_hash);

-- Approvals and questions: rows, so that they survive any restart, with the exact call that was asked about. Moved only
-- under the lane's lock, so that deciding, expiring and the end of the attempt meet nowhere else.
create table cowork.decisions (
  org_id uuid not null,
  decision_id uuid not null,
  session_id uuid not null,
  work_id uuid not null references cowork.work (work_id),
  attempt integer not null,
  command_id uuid,
  kind text not null check (kind in ('approval', 'question')),
  status text not null default 'open' check (status in ('open', 'approved', 'refused', 'answered', 'expired', 'withdrawn')),
  -- OpenCode's own request, redacted and bounded; the hash is of what it was before.
  request jsonb not null,
  request_hash text not null check (request_hash ~ '^[0-9a-f]{64}$'),
  asked_at timestamptz not null,
  expires_at timestamptz not null,
  answers jsonb,
  decided_by uuid,
  decided_at timestamptz,
  -- The runtime has taken it.
  applied_at timestamptz,
  primary key (org_id, decision_id),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, decided_by) references cowork.memberships (org_id, user_id),
  check (expires_at between asked_at + interval '1 second' and asked_at + interval '7 days'),
  check ((status = 'open') = (decided_at is null)),
  check ((status in ('approved', 'refused', 'answered')) = (decided_by is not null)),
  check ((status = 'answered') = (answers is not null))
);
create trigger guard_move before update of status on cowork.decisions
  for each row when (old.status is distinct from new.status) execute function cowork.guard_move('decision');
create index decisions_by_session on cowork.decisions (session_id);
create index decisions_open on cowork.decisions (session_id) where status = 'open';
create index decisions_by_expiry on cowork.decisions (expires_at) where status = 'open';

-- Work that every allowed attempt failed at, until a person has looked at it.
create table cowork.dead_letters (
  org_id uuid not null,
  work_id uuid not null,
  died_at timestamptz not null default cowork.now(),
  reason text not null,
  attempts integer not null,
  resolution text check (resolution in ('retried', 'dropped')),
  resolved_by uuid,
  resolved_at timestamptz,
  primary key (org_id, work_id, died_at),
  foreign key (org_id, work_id) references cowork.work,
  check ((resolution is null) = (resolved_at is null))
);
create index dead_letters_open on cowork.dead_letters (org_id, died_at desc) where resolution is null;
create unique index dead_letters_one_open on cowork.dead_letters (work_id) where resolution is null;

-- A repeated request gets its first answer; the same key with another body is refused.
create table cowork.idempotency (
  org_id uuid not null references cowork.orgs,
  principal uuid not null,
  key text not null check (length(key) between 1 and 200),
  body_hash text not null check (body_hash ~ '^[0-9a-f]{64}$'),
  answer jsonb not null,
  expires_at timestamptz not null,
  primary key (org_id, principal, key)
);
create index idempotency_by_expiry on cowork.idempotency (expires_at);

-- What transactions leave for the housekeeping to carry on.
create table cowork.outbox (
  outbox_id bigint generated always as identity primary key,
  org_id uuid,
  kind text not null check (length(kind) between 1 and 100),
  payload jsonb not null,
  created_at timestamptz not null default cowork.now()
);

-- What an attempt used. Unique per (attempt, kind, key), so that a repeat counts once.
create table cowork.usage (
  org_id uuid not null,
  work_id uuid not null,
  attempt integer not null,
  kind text not null check (kind in ('tokens_in', 'tokens_out', 'worker_ms')),
  key text not null check (length(key) between 1 and 200),
  amount bigint not null check (amount >= 0),
  at timestamptz not null,
  primary key (work_id, attempt, kind, key, at)
) partition by range (at);
create table cowork.usage_rest partition of cowork.usage default;
create index usage_by_org on cowork.usage (org_id, kind, at);

-- Beside the queue: stop, decisions and steering go to the holder of the lease, whatever waits in the lane.
create table cowork.signals (
  signal_id uuid primary key,
  org_id uuid not null,
  session_id uuid not null,
  work_id uuid not null references cowork.work (work_id),
  kind text not null check (kind in ('stop', 'decision')),
  payload jsonb not null default '{}',
  -- Null: time made it, not a person.
  created_by uuid,
  created_at timestamptz not null default cowork.now(),
  foreign key (org_id, session_id) references cowork.sessions,
  foreign key (org_id, created_by) references cowork.memberships
);
create index signals_by_work on cowork.signals (work_id);
-- Asking twice to stop the same work is one wish. A decision's signal has the id of the decision.
create unique index signals_one_stop on cowork.signals (work_id) where kind = 'stop';
