-- Facts and the read model. Seqs are allocated under the lane's lock, so no reader ever sees n+1 before n.

create table cowork.session_events (
  session_id uuid not null,
  seq cowork.big_ordinal not null,
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
  message_id cowork.some_short_id not null,
  -- '' is the message itself.
  part_id cowork.short_id not null,
  org_id uuid not null,
  command_id uuid,
  attempt integer,
  last_seq bigint not null,
  body jsonb not null,
  primary key (session_id, message_id, part_id)
) with (fillfactor = 80);

-- Coarse facts for lists, inbox and fleet. Readers take only what is older than the oldest running transaction: a number
-- alone would hide a row that commits late behind one that committed early.
create table cowork.feed (
  xid xid8 not null default pg_current_xact_id(),
  feed_id bigint generated always as identity,
  org_id uuid not null,
  topic cowork.feed_topic not null,
  entity_id uuid not null,
  at timestamptz not null default cowork.now(),
  primary key (org_id, xid, feed_id)
);
-- By pages: what is old lies together.
create index feed_by_age on cowork.feed using brin (at) with (autosummarize = on);
