-- Made by `pnpm db:dump` from migrations/, internal/, web-api/ and worker-api/. For reading and diffs; never run.

schema cowork
  owner cowork_owner
  grant cowork_api: usage
  grant cowork_scheduler: usage
  grant cowork_web: usage
  grant cowork_worker: usage

schema internal
  owner cowork_api
  grant cowork_scheduler: usage
  grant cowork_web: usage
  grant cowork_worker: usage

schema web_api
  owner cowork_api
  grant cowork_web: usage

schema worker_api_v1
  owner cowork_api
  grant cowork_web: usage
  grant cowork_worker: usage

domain cowork.actor_kind as text
  CHECK ((VALUE = ANY (ARRAY['user'::text, 'worker'::text, 'scheduler'::text, 'operator'::text, 'unknown'::text])))

domain cowork.attempt_outcome as text
  CHECK ((VALUE = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text, 'released'::text, 'retried'::text, 'lost'::text])))

domain cowork.big_ordinal as bigint
  CHECK ((VALUE > 0))

domain cowork.big_tally as bigint
  CHECK ((VALUE >= 0))

domain cowork.command_kind as text
  CHECK ((VALUE = 'prompt'::text))

domain cowork.command_status as text
  CHECK ((VALUE = ANY (ARRAY['waiting'::text, 'working'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text])))

domain cowork.feed_topic as text
  CHECK ((VALUE = ANY (ARRAY['session'::text, 'inbox'::text, 'fleet'::text])))

domain cowork.ordinal as integer
  CHECK ((VALUE > 0))

domain cowork.runtime_id as text
  CHECK ((VALUE ~ '^ses_[A-Za-z0-9]{1,60}$'::text))

domain cowork.session_status as text
  CHECK ((VALUE = ANY (ARRAY['open'::text, 'archived'::text])))

domain cowork.sha256_hex as text
  CHECK (((octet_length(VALUE) = 64) AND (encode(decode(VALUE, 'hex'::text), 'hex'::text) = VALUE)))

domain cowork.share as double precision
  CHECK (((VALUE >= (0.01)::double precision) AND (VALUE <= (100)::double precision)))

domain cowork.short_id as text
  CHECK ((length(VALUE) <= 100))

domain cowork.short_text as text
  CHECK ((length(VALUE) <= 200))

domain cowork.some_short_id as text
  CHECK (((length(VALUE) >= 1) AND (length(VALUE) <= 100)))

domain cowork.tally as integer
  CHECK ((VALUE >= 0))

domain cowork.trace_context as text
  CHECK ((length(VALUE) = 55))

domain cowork.work_class as smallint
  CHECK (((VALUE >= 0) AND (VALUE <= 2)))

domain cowork.work_status as text
  CHECK ((VALUE = ANY (ARRAY['queued'::text, 'ready'::text, 'leased'::text, 'parked'::text, 'succeeded'::text, 'failed'::text, 'cancelled'::text, 'dead'::text])))

domain cowork.work_type as text
  CHECK ((VALUE = ANY (ARRAY['session_command'::text, 'secret_validate'::text, 'secret_reseal'::text])))

table cowork.api_tokens
  owner cowork_owner
  token_id uuid not null
  token_hash text not null
  org_id uuid not null
  user_id uuid not null
  name text not null
  scopes text[] not null
  created_at timestamp with time zone not null default cowork.now()
  expires_at timestamp with time zone not null
  revoked_at timestamp with time zone
  constraint api_tokens_pkey PRIMARY KEY (token_id)
  constraint api_tokens_token_hash_key UNIQUE (token_hash)
  constraint api_tokens_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES cowork.memberships(org_id, user_id)
  constraint api_tokens_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
  constraint api_tokens_token_hash_check CHECK ((token_hash ~ '^[0-9a-f]{64}$'::text))
  index api_tokens_by_person ON cowork.api_tokens USING btree (org_id, user_id)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)

table cowork.artifacts
  owner cowork_owner
  org_id uuid not null
  artifact_id uuid not null
  session_id uuid not null
  work_id uuid not null
  attempt integer not null
  name text not null
  content_type text not null
  object_key text not null
  sha256 text not null
  size_bytes bigint not null
  retention text not null default 'session'::text
  created_at timestamp with time zone not null default cowork.now()
  constraint artifacts_pkey PRIMARY KEY (org_id, artifact_id)
  constraint artifacts_object_key_key UNIQUE (object_key)
  constraint artifacts_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint artifacts_work_id_attempt_fkey FOREIGN KEY (work_id, attempt) REFERENCES cowork.attempts(work_id, attempt)
  constraint artifacts_content_type_check CHECK (((length(content_type) >= 1) AND (length(content_type) <= 200)))
  constraint artifacts_name_check CHECK (((length(name) >= 1) AND (length(name) <= 500)))
  constraint artifacts_object_key_check CHECK (((length(object_key) >= 1) AND (length(object_key) <= 1000)))
  constraint artifacts_retention_check CHECK ((retention = ANY (ARRAY['session'::text, 'pinned'::text])))
  constraint artifacts_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
  constraint artifacts_size_bytes_check CHECK ((size_bytes >= 0))
  index artifacts_by_session ON cowork.artifacts USING btree (org_id, session_id, created_at DESC)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select
  grant cowork_web: select

table cowork.attempts
  owner cowork_owner
  work_id uuid not null
  attempt cowork.ordinal not null
  org_id uuid not null
  token_hash cowork.sha256_hex not null
  request_hash cowork.sha256_hex not null
  worker_id uuid not null
  boot_id uuid not null
  claimed_at timestamp with time zone not null
  ended_at timestamp with time zone
  outcome cowork.attempt_outcome
  reason text
  checkpoint_version integer not null default 0
  finish_batch_no bigint
  answer jsonb
  refused_classes text[] not null default '{}'::text[]
  constraint attempts_pkey PRIMARY KEY (work_id, attempt)
  constraint attempts_token_hash_key UNIQUE (token_hash)
  constraint attempts_work_id_fkey FOREIGN KEY (work_id) REFERENCES cowork.work(work_id)
  constraint attempts_check CHECK (((ended_at IS NULL) = (outcome IS NULL)))
  index attempts_by_request ON cowork.attempts USING btree (request_hash)
  with (fillfactor=80)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.audit partition by RANGE (at)
  owner cowork_owner
  audit_id bigint not null generated always as identity
  era integer not null default 1
  xid xid8 not null default pg_current_xact_id()
  at timestamp with time zone not null default cowork.now()
  org_id uuid
  action text not null
  reason text
  actor_kind cowork.actor_kind not null
  actor_id uuid
  subject jsonb not null default '{}'::jsonb
  constraint audit_pkey PRIMARY KEY (at, audit_id)
  index audit_by_org ON ONLY cowork.audit USING btree (org_id, audit_id DESC)
  index audit_by_xid ON ONLY cowork.audit USING btree (era, xid)
  index audit_unattributed ON ONLY cowork.audit USING btree (action, at) WHERE (org_id IS NULL)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select
  grant cowork_scheduler: select
  grant cowork_web: select
  grant cowork_scheduler: insert (org_id, action, reason, actor_kind, actor_id, subject)
  grant cowork_web: insert (org_id, action, reason, actor_kind, actor_id, subject)

table cowork.audit_sealer
  owner cowork_owner
  singleton boolean not null default true
  era integer not null default 1
  sealed_to xid8 not null default '0'::xid8
  dropped_before timestamp with time zone not null default '-infinity'::timestamp with time zone
  left_out_told bigint not null default 0
  left_out_told_at timestamp with time zone not null default '-infinity'::timestamp with time zone
  constraint audit_sealer_pkey PRIMARY KEY (singleton)
  constraint audit_sealer_singleton_check CHECK (singleton)
  grant cowork_api: select
  grant cowork_scheduler: select, update

table cowork.audit_seals
  owner cowork_owner
  chain uuid not null
  era integer not null
  seal_no bigint not null
  from_xid xid8 not null
  to_xid xid8 not null
  first_at timestamp with time zone not null
  row_count bigint not null
  rows_sha256 text not null
  previous text not null
  head text not null
  sealed_at timestamp with time zone not null default cowork.now()
  constraint audit_seals_pkey PRIMARY KEY (chain, era, seal_no)
  constraint audit_seals_head_check CHECK ((head ~ '^[0-9a-f]{64}$'::text))
  constraint audit_seals_previous_check CHECK ((previous ~ '^[0-9a-f]{64}$'::text))
  constraint audit_seals_row_count_check CHECK ((row_count > 0))
  constraint audit_seals_rows_sha256_check CHECK ((rows_sha256 ~ '^[0-9a-f]{64}$'::text))
  constraint audit_seals_seal_no_check CHECK ((seal_no > 0))
  row level security
  policy plane_wide for all to cowork_scheduler using true
  policy tenant for all to cowork_web using (chain = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_scheduler: insert, select
  grant cowork_web: select

table cowork.browser_sessions
  owner cowork_owner
  browser_session_id uuid not null default gen_random_uuid()
  token_hash text not null
  org_id uuid not null
  user_id uuid not null
  created_at timestamp with time zone not null default cowork.now()
  expires_at timestamp with time zone not null
  ended_at timestamp with time zone
  constraint browser_sessions_pkey PRIMARY KEY (browser_session_id)
  constraint browser_sessions_token_hash_key UNIQUE (token_hash)
  constraint browser_sessions_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES cowork.memberships(org_id, user_id)
  constraint browser_sessions_token_hash_check CHECK ((token_hash ~ '^[0-9a-f]{64}$'::text))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select, update

table cowork.checkpoint_packs
  owner cowork_owner
  org_id uuid not null
  session_id uuid not null
  version integer not null
  sha256 text not null
  constraint checkpoint_packs_pkey PRIMARY KEY (org_id, session_id, version, sha256)
  constraint checkpoint_packs_org_id_session_id_version_fkey FOREIGN KEY (org_id, session_id, version) REFERENCES cowork.checkpoints(org_id, session_id, version)
  constraint checkpoint_packs_org_id_sha256_fkey FOREIGN KEY (org_id, sha256) REFERENCES cowork.packs(org_id, sha256)
  index checkpoint_packs_by_pack ON cowork.checkpoint_packs USING btree (org_id, sha256)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select

table cowork.checkpoints
  owner cowork_owner
  org_id uuid not null
  session_id uuid not null
  version integer not null
  work_id uuid not null
  attempt integer not null
  schema_version integer not null
  manifest_key text not null
  manifest_sha256 text not null
  size_bytes bigint not null
  event_seq bigint not null
  retention text not null default 'session'::text
  created_at timestamp with time zone not null default cowork.now()
  rejected_at timestamp with time zone
  rejected_reason text
  constraint checkpoints_pkey PRIMARY KEY (org_id, session_id, version)
  constraint checkpoints_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint checkpoints_work_id_attempt_fkey FOREIGN KEY (work_id, attempt) REFERENCES cowork.attempts(work_id, attempt)
  constraint checkpoints_manifest_key_check CHECK (((length(manifest_key) >= 1) AND (length(manifest_key) <= 1000)))
  constraint checkpoints_manifest_sha256_check CHECK ((manifest_sha256 ~ '^[0-9a-f]{64}$'::text))
  constraint checkpoints_retention_check CHECK ((retention = ANY (ARRAY['session'::text, 'pinned'::text])))
  constraint checkpoints_schema_version_check CHECK ((schema_version > 0))
  constraint checkpoints_size_bytes_check CHECK ((size_bytes >= 0))
  constraint checkpoints_version_check CHECK ((version > 0))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select
  grant cowork_web: select

table cowork.commands
  owner cowork_owner
  org_id uuid not null
  command_id uuid not null
  session_id uuid not null
  command_seq cowork.ordinal not null
  kind cowork.command_kind not null
  body jsonb not null
  status cowork.command_status not null default 'waiting'::text
  attempt cowork.tally not null default 0
  reason text
  created_by uuid not null
  created_at timestamp with time zone not null default cowork.now()
  ended_at timestamp with time zone
  constraint commands_pkey PRIMARY KEY (org_id, command_id)
  constraint commands_session_id_command_seq_key UNIQUE (session_id, command_seq)
  constraint commands_org_id_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES cowork.memberships(org_id, user_id)
  constraint commands_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint commands_check CHECK (((ended_at IS NOT NULL) = ((status)::text = ANY (ARRAY['succeeded'::text, 'failed'::text, 'cancelled'::text]))))
  trigger guard_move BEFORE UPDATE OF status ON cowork.commands FOR EACH ROW WHEN (((old.status)::text IS DISTINCT FROM (new.status)::text)) EXECUTE FUNCTION cowork.guard_move('command')
  with (fillfactor=80)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.dead_letters
  owner cowork_owner
  org_id uuid not null
  work_id uuid not null
  died_at timestamp with time zone not null default cowork.now()
  reason text not null
  attempts integer not null
  resolution text
  resolved_by uuid
  resolved_at timestamp with time zone
  constraint dead_letters_pkey PRIMARY KEY (org_id, work_id, died_at)
  constraint dead_letters_org_id_work_id_fkey FOREIGN KEY (org_id, work_id) REFERENCES cowork.work(org_id, work_id)
  constraint dead_letters_check CHECK (((resolution IS NULL) = (resolved_at IS NULL)))
  constraint dead_letters_resolution_check CHECK ((resolution = ANY (ARRAY['retried'::text, 'dropped'::text])))
  unique index dead_letters_one_open ON cowork.dead_letters USING btree (work_id) WHERE (resolution IS NULL)
  index dead_letters_open ON cowork.dead_letters USING btree (org_id, died_at DESC) WHERE (resolution IS NULL)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_web: select

table cowork.decisions
  owner cowork_owner
  org_id uuid not null
  decision_id uuid not null
  session_id uuid not null
  work_id uuid not null
  attempt integer not null
  command_id uuid
  kind text not null
  status text not null default 'open'::text
  request jsonb not null
  request_hash text not null
  asked_at timestamp with time zone not null
  expires_at timestamp with time zone not null
  answers jsonb
  decided_by uuid
  decided_at timestamp with time zone
  applied_at timestamp with time zone
  constraint decisions_pkey PRIMARY KEY (org_id, decision_id)
  constraint decisions_org_id_decided_by_fkey FOREIGN KEY (org_id, decided_by) REFERENCES cowork.memberships(org_id, user_id)
  constraint decisions_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint decisions_work_id_fkey FOREIGN KEY (work_id) REFERENCES cowork.work(work_id)
  constraint decisions_check CHECK (((expires_at >= (asked_at + '00:00:01'::interval)) AND (expires_at <= (asked_at + '7 days'::interval))))
  constraint decisions_check1 CHECK (((status = 'open'::text) = (decided_at IS NULL)))
  constraint decisions_check2 CHECK (((status = ANY (ARRAY['approved'::text, 'refused'::text, 'answered'::text])) = (decided_by IS NOT NULL)))
  constraint decisions_check3 CHECK (((status = 'answered'::text) = (answers IS NOT NULL)))
  constraint decisions_kind_check CHECK ((kind = ANY (ARRAY['approval'::text, 'question'::text])))
  constraint decisions_request_hash_check CHECK ((request_hash ~ '^[0-9a-f]{64}$'::text))
  constraint decisions_status_check CHECK ((status = ANY (ARRAY['open'::text, 'approved'::text, 'refused'::text, 'answered'::text, 'expired'::text, 'withdrawn'::text])))
  index decisions_by_expiry ON cowork.decisions USING btree (expires_at) WHERE (status = 'open'::text)
  index decisions_by_session ON cowork.decisions USING btree (session_id)
  index decisions_open ON cowork.decisions USING btree (session_id) WHERE (status = 'open'::text)
  trigger guard_move BEFORE UPDATE OF status ON cowork.decisions FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION cowork.guard_move('decision')
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_web: select

table cowork.entitlements
  owner cowork_owner
  org_id uuid not null
  entitlement text not null
  granted_at timestamp with time zone not null default cowork.now()
  expires_at timestamp with time zone
  constraint entitlements_pkey PRIMARY KEY (org_id, entitlement)
  constraint entitlements_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint entitlements_entitlement_check CHECK (((length(entitlement) >= 1) AND (length(entitlement) <= 100)))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_web: select

table cowork.event_types
  owner cowork_owner
  type text not null
  producer text not null
  projected boolean not null
  constraint event_types_pkey PRIMARY KEY (type)
  constraint event_types_producer_check CHECK ((producer = ANY (ARRAY['plane'::text, 'runtime'::text])))
  grant cowork_api: select

table cowork.failures
  owner cowork_owner
  reason text not null
  retry text not null
  pause_ms integer not null
  pause_most_ms integer not null
  constraint failures_pkey PRIMARY KEY (reason)
  constraint failures_check CHECK ((pause_most_ms >= pause_ms))
  constraint failures_pause_ms_check CHECK ((pause_ms >= 0))
  constraint failures_retry_check CHECK ((retry = ANY (ARRAY['never'::text, 'later'::text, 'free'::text])))
  grant cowork_api: select

table cowork.feed
  owner cowork_owner
  xid xid8 not null default pg_current_xact_id()
  feed_id bigint not null generated always as identity
  org_id uuid not null
  topic cowork.feed_topic not null
  entity_id uuid not null
  at timestamp with time zone not null default cowork.now()
  constraint feed_pkey PRIMARY KEY (org_id, xid, feed_id)
  index feed_by_age ON cowork.feed USING brin (at) WITH (autosummarize='on')
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select
  grant cowork_web: select

table cowork.head_mender
  owner cowork_owner
  singleton boolean not null default true
  checked_to uuid not null default '00000000-0000-0000-0000-000000000000'::uuid
  constraint head_mender_pkey PRIMARY KEY (singleton)
  constraint head_mender_singleton_check CHECK (singleton)
  grant cowork_api: select, update

table cowork.idempotency
  owner cowork_owner
  org_id uuid not null
  principal uuid not null
  key text not null
  body_hash text not null
  answer jsonb not null
  expires_at timestamp with time zone not null
  constraint idempotency_pkey PRIMARY KEY (org_id, principal, key)
  constraint idempotency_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint idempotency_body_hash_check CHECK ((body_hash ~ '^[0-9a-f]{64}$'::text))
  constraint idempotency_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
  index idempotency_by_expiry ON cowork.idempotency USING btree (expires_at)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, select
  grant cowork_web: delete, insert, select, update

table cowork.lanes
  owner cowork_owner
  lane_id uuid not null
  org_id uuid not null
  session_id uuid
  next_seq cowork.big_ordinal not null default 1
  next_command_seq cowork.ordinal not null default 1
  next_position cowork.big_ordinal not null default 1
  last_boot_id uuid
  work_id uuid
  command_id uuid
  attempt integer
  token_hash cowork.sha256_hex
  lease_expires_at timestamp with time zone
  worker_id uuid
  boot_id uuid
  last_batch_no bigint
  last_answer jsonb
  renewals integer not null default 0
  renewed_at timestamp with time zone
  constraint lanes_pkey PRIMARY KEY (lane_id)
  constraint lanes_session_id_key UNIQUE (session_id)
  constraint lanes_token_hash_key UNIQUE (token_hash)
  constraint lanes_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint lanes_check CHECK ((num_nonnulls(work_id, attempt, token_hash, lease_expires_at, worker_id, boot_id, last_batch_no) = ANY (ARRAY[0, 7])))
  index lanes_by_lease_expiry ON cowork.lanes USING btree (lease_expires_at) WHERE (work_id IS NOT NULL)
  index lanes_by_worker ON cowork.lanes USING btree (worker_id) WHERE (work_id IS NOT NULL)
  with (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.01, fillfactor=50)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.lifecycle_moves
  owner cowork_owner
  machine text not null
  from_state text not null
  to_state text not null
  constraint lifecycle_moves_pkey PRIMARY KEY (machine, from_state, to_state)
  grant cowork_api: select

table cowork.memberships
  owner cowork_owner
  org_id uuid not null
  user_id uuid not null
  role text not null
  created_at timestamp with time zone not null default cowork.now()
  constraint memberships_pkey PRIMARY KEY (org_id, user_id)
  constraint memberships_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint memberships_user_id_fkey FOREIGN KEY (user_id) REFERENCES cowork.users(user_id)
  constraint memberships_role_check CHECK ((role = ANY (ARRAY['owner'::text, 'admin'::text, 'member'::text, 'viewer'::text])))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: select
  grant cowork_web: select

table cowork.objects_awaiting_collection
  owner cowork_owner
  object_key text not null
  org_id uuid not null
  reason text not null
  collect_after timestamp with time zone not null
  constraint objects_awaiting_collection_pkey PRIMARY KEY (object_key)
  index objects_by_collection ON cowork.objects_awaiting_collection USING btree (collect_after)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)

table cowork.orgs
  owner cowork_owner
  org_id uuid not null
  name text not null
  created_at timestamp with time zone not null default cowork.now()
  constraint orgs_pkey PRIMARY KEY (org_id)
  constraint orgs_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
  grant cowork_scheduler: select

table cowork.outbox
  owner cowork_owner
  outbox_id bigint not null generated always as identity
  org_id uuid
  kind text not null
  payload jsonb not null
  created_at timestamp with time zone not null default cowork.now()
  constraint outbox_pkey PRIMARY KEY (outbox_id)
  constraint outbox_kind_check CHECK (((length(kind) >= 1) AND (length(kind) <= 100)))
  grant cowork_scheduler: delete, select

table cowork.packs
  owner cowork_owner
  org_id uuid not null
  sha256 text not null
  object_key text not null
  size_bytes bigint not null
  key_id text
  created_at timestamp with time zone not null default cowork.now()
  constraint packs_pkey PRIMARY KEY (org_id, sha256)
  constraint packs_object_key_key UNIQUE (object_key)
  constraint packs_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint packs_object_key_check CHECK (((length(object_key) >= 1) AND (length(object_key) <= 1000)))
  constraint packs_sha256_check CHECK ((sha256 ~ '^[0-9a-f]{64}$'::text))
  constraint packs_size_bytes_check CHECK ((size_bytes >= 0))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select

table cowork.parts
  owner cowork_owner
  session_id uuid not null
  message_id cowork.some_short_id not null
  part_id cowork.short_id not null
  org_id uuid not null
  command_id uuid
  attempt integer
  last_seq bigint not null
  body jsonb not null
  constraint parts_pkey PRIMARY KEY (session_id, message_id, part_id)
  with (fillfactor=80)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.plane
  owner cowork_owner
  singleton boolean not null default true
  epoch text not null default "left"(replace((gen_random_uuid())::text, '-'::text, ''::text), 12)
  database_oid oid not null
  feed_forgotten xid8 not null default '0'::xid8
  created_at timestamp with time zone not null default cowork.now()
  constraint plane_pkey PRIMARY KEY (singleton)
  constraint plane_singleton_check CHECK (singleton)
  grant cowork_api: select
  grant cowork_scheduler: select
  grant cowork_web: select
  grant cowork_api: update (feed_forgotten)

table cowork.profiles
  owner cowork_owner
  org_id uuid not null
  profile_id uuid not null
  name text not null
  version integer not null default 1
  pool_id uuid not null
  provider text not null default 'default'::text
  capabilities text[] not null default '{}'::text[]
  policy jsonb not null default '{}'::jsonb
  about text not null default ''::text
  created_at timestamp with time zone not null default cowork.now()
  constraint profiles_pkey PRIMARY KEY (org_id, profile_id)
  constraint profiles_org_id_name_version_key UNIQUE (org_id, name, version)
  constraint profiles_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint profiles_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES cowork.worker_pools(pool_id)
  constraint profiles_about_check CHECK ((length(about) <= 300))
  constraint profiles_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
  constraint profiles_provider_check CHECK (((length(provider) >= 1) AND (length(provider) <= 100)))
  constraint profiles_version_check CHECK ((version > 0))
  trigger guard_pool BEFORE INSERT OR UPDATE OF pool_id, org_id ON cowork.profiles FOR EACH ROW EXECUTE FUNCTION cowork.guard_pool()
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: select
  grant cowork_web: select

table cowork.quota_defaults
  owner cowork_owner
  quota text not null
  most bigint not null
  constraint quota_defaults_pkey PRIMARY KEY (quota)
  constraint quota_defaults_most_check CHECK ((most >= 0))
  grant cowork_api: select

table cowork.quotas
  owner cowork_owner
  org_id uuid not null
  quota text not null
  most bigint not null
  constraint quotas_pkey PRIMARY KEY (org_id, quota)
  constraint quotas_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint quotas_quota_fkey FOREIGN KEY (quota) REFERENCES cowork.quota_defaults(quota)
  constraint quotas_most_check CHECK ((most >= 0))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: select
  grant cowork_web: select

table cowork.routes
  owner cowork_owner
  route_id integer not null generated always as identity
  pool_id uuid not null
  provider text not null
  capabilities text[] not null
  floor double precision not null default 0
  constraint routes_pkey PRIMARY KEY (route_id)
  constraint routes_pool_id_provider_capabilities_key UNIQUE (pool_id, provider, capabilities)
  constraint routes_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES cowork.worker_pools(pool_id)
  with (fillfactor=50)
  grant cowork_api: insert, select, update
  grant cowork_scheduler: select

table cowork.sealed_secrets
  owner cowork_owner
  org_id uuid not null
  secret_id uuid not null
  provider text not null
  version integer not null
  key_id text not null
  sealed bytea not null
  created_at timestamp with time zone not null default cowork.now()
  revoked_at timestamp with time zone
  constraint sealed_secrets_pkey PRIMARY KEY (org_id, secret_id, version)
  constraint sealed_secrets_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint sealed_secrets_provider_check CHECK (((length(provider) >= 1) AND (length(provider) <= 100)))
  constraint sealed_secrets_version_check CHECK ((version > 0))
  unique index sealed_secrets_current ON cowork.sealed_secrets USING btree (org_id, provider) WHERE (revoked_at IS NULL)
  trigger keep_revoked BEFORE UPDATE OF revoked_at ON cowork.sealed_secrets FOR EACH ROW WHEN (((old.revoked_at IS NOT NULL) AND (new.revoked_at IS DISTINCT FROM old.revoked_at))) EXECUTE FUNCTION cowork.keep_revoked()
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: select
  grant cowork_web: insert
  grant cowork_web: select (org_id, secret_id, provider, version, key_id, created_at, revoked_at)
  grant cowork_web: update (revoked_at)

table cowork.session_events
  owner cowork_owner
  session_id uuid not null
  seq cowork.big_ordinal not null
  org_id uuid not null
  type text not null
  part_id text
  payload jsonb not null
  attempt integer
  command_id uuid
  at timestamp with time zone not null
  constraint session_events_pkey PRIMARY KEY (session_id, seq)
  index session_events_deltas ON cowork.session_events USING btree (session_id, part_id) WHERE (type = 'message.part.delta'::text)
  with (autovacuum_vacuum_insert_scale_factor=0.05, autovacuum_vacuum_scale_factor=0.02)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.sessions
  owner cowork_owner
  org_id uuid not null
  session_id uuid not null
  profile_id uuid not null
  workspace_id uuid
  title cowork.short_text not null
  status cowork.session_status not null default 'open'::text
  runtime_session_id cowork.runtime_id
  created_by uuid not null
  created_at timestamp with time zone not null default cowork.now()
  updated_at timestamp with time zone not null default cowork.now()
  constraint sessions_pkey PRIMARY KEY (org_id, session_id)
  constraint sessions_session_id_key UNIQUE (session_id)
  constraint sessions_org_id_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES cowork.memberships(org_id, user_id)
  constraint sessions_org_id_profile_id_fkey FOREIGN KEY (org_id, profile_id) REFERENCES cowork.profiles(org_id, profile_id)
  constraint sessions_org_id_workspace_id_fkey FOREIGN KEY (org_id, workspace_id) REFERENCES cowork.workspaces(org_id, workspace_id)
  index sessions_by_update ON cowork.sessions USING btree (org_id, updated_at DESC, session_id DESC)
  trigger guard_move BEFORE UPDATE OF status ON cowork.sessions FOR EACH ROW WHEN (((old.status)::text IS DISTINCT FROM (new.status)::text)) EXECUTE FUNCTION cowork.guard_move('session')
  with (fillfactor=80)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select
  grant cowork_web: update (title, status, updated_at)

table cowork.sign_in_links
  owner cowork_owner
  link_hash text not null
  org_id uuid not null
  user_id uuid not null
  expires_at timestamp with time zone not null
  used_at timestamp with time zone
  constraint sign_in_links_pkey PRIMARY KEY (link_hash)
  constraint sign_in_links_org_id_user_id_fkey FOREIGN KEY (org_id, user_id) REFERENCES cowork.memberships(org_id, user_id)
  constraint sign_in_links_link_hash_check CHECK ((link_hash ~ '^[0-9a-f]{64}$'::text))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, select, update

table cowork.signals
  owner cowork_owner
  signal_id uuid not null
  org_id uuid not null
  session_id uuid not null
  work_id uuid not null
  kind text not null
  payload jsonb not null default '{}'::jsonb
  created_by uuid
  created_at timestamp with time zone not null default cowork.now()
  constraint signals_pkey PRIMARY KEY (signal_id)
  constraint signals_org_id_created_by_fkey FOREIGN KEY (org_id, created_by) REFERENCES cowork.memberships(org_id, user_id)
  constraint signals_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint signals_work_id_fkey FOREIGN KEY (work_id) REFERENCES cowork.work(work_id)
  constraint signals_kind_check CHECK ((kind = ANY (ARRAY['stop'::text, 'decision'::text])))
  index signals_by_work ON cowork.signals USING btree (work_id)
  unique index signals_one_stop ON cowork.signals USING btree (work_id) WHERE (kind = 'stop'::text)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: delete, insert, select

table cowork.tenants
  owner cowork_owner
  org_id uuid not null
  waiting cowork.big_tally not null default 0
  promoted cowork.big_tally not null default 0
  last_tag double precision not null default 0
  weight cowork.share not null default 1
  constraint tenants_pkey PRIMARY KEY (org_id)
  constraint tenants_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  with (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.01, fillfactor=50)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.usage partition by RANGE (at)
  owner cowork_owner
  org_id uuid not null
  work_id uuid not null
  attempt integer not null
  kind text not null
  key text not null
  amount bigint not null
  at timestamp with time zone not null
  constraint usage_pkey PRIMARY KEY (work_id, attempt, kind, key, at)
  constraint usage_amount_check CHECK ((amount >= 0))
  constraint usage_key_check CHECK (((length(key) >= 1) AND (length(key) <= 200)))
  constraint usage_kind_check CHECK ((kind = ANY (ARRAY['tokens_in'::text, 'tokens_out'::text, 'worker_ms'::text])))
  index usage_by_org ON ONLY cowork.usage USING btree (org_id, kind, at)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select
  grant cowork_web: select

table cowork.users
  owner cowork_owner
  user_id uuid not null
  email text not null
  display_name text not null
  created_at timestamp with time zone not null default cowork.now()
  constraint users_pkey PRIMARY KEY (user_id)
  constraint users_email_key UNIQUE (email)
  constraint users_display_name_check CHECK (((length(display_name) >= 1) AND (length(display_name) <= 200)))
  constraint users_email_check CHECK (((email = lower(email)) AND ((length(email) >= 3) AND (length(email) <= 320))))
  row level security
  policy plane_wide for all to cowork_api using true
  policy tenant for all to cowork_web using (EXISTS ( SELECT FROM cowork.memberships m WHERE (m.user_id = users.user_id)))
  grant cowork_api: select
  grant cowork_web: select

table cowork.work
  owner cowork_owner
  org_id uuid not null
  work_id uuid not null
  lane_id uuid not null
  session_id uuid
  command_id uuid
  workflow_id uuid
  workflow_run_id uuid
  work_type cowork.work_type not null
  route_id integer not null
  status cowork.work_status not null
  class cowork.work_class not null default 0
  tag double precision
  preferred_boot_id uuid
  position bigint not null
  is_head boolean not null
  available_at timestamp with time zone not null default cowork.now()
  ready_at timestamp with time zone
  attempt cowork.tally not null default 0
  strikes cowork.tally not null default 0
  checkpoint_version integer not null default 0
  leased_by uuid
  lease_expires_at timestamp with time zone
  last_heartbeat_at timestamp with time zone
  claimed_at timestamp with time zone
  completed_at timestamp with time zone
  failed_at timestamp with time zone
  reason text
  traceparent cowork.trace_context
  created_at timestamp with time zone not null default cowork.now()
  constraint work_pkey PRIMARY KEY (org_id, work_id)
  constraint work_work_id_key UNIQUE (work_id)
  constraint work_org_id_command_id_fkey FOREIGN KEY (org_id, command_id) REFERENCES cowork.commands(org_id, command_id)
  constraint work_org_id_session_id_fkey FOREIGN KEY (org_id, session_id) REFERENCES cowork.sessions(org_id, session_id)
  constraint work_check CHECK (((((status)::text = 'ready'::text) <= ((ready_at IS NOT NULL) AND (tag IS NOT NULL) AND is_head)) AND (((status)::text = 'leased'::text) <= is_head) AND (((status)::text = 'leased'::text) = (leased_by IS NOT NULL))))
  index work_aging ON cowork.work USING btree (ready_at) WHERE (((status)::text = 'ready'::text) AND ((class)::smallint > 0))
  unique index work_by_command ON cowork.work USING btree (org_id, command_id)
  unique index work_by_lane ON cowork.work USING btree (lane_id, "position") WHERE ((status)::text = ANY (ARRAY['queued'::text, 'ready'::text, 'leased'::text, 'parked'::text]))
  index work_claimable ON cowork.work USING btree (route_id, class, tag) WHERE (((status)::text = 'ready'::text) AND (preferred_boot_id IS NULL))
  index work_heads_by_tenant ON cowork.work USING btree (org_id, class, available_at) WHERE (((status)::text = 'queued'::text) AND is_head)
  index work_preferred ON cowork.work USING btree (preferred_boot_id, class, tag) WHERE (((status)::text = 'ready'::text) AND (preferred_boot_id IS NOT NULL))
  unique index work_promoted_by_lane ON cowork.work USING btree (lane_id) WHERE ((status)::text = ANY (ARRAY['ready'::text, 'leased'::text, 'parked'::text]))
  trigger guard_move BEFORE UPDATE OF status ON cowork.work FOR EACH ROW WHEN (((old.status)::text IS DISTINCT FROM (new.status)::text)) EXECUTE FUNCTION cowork.guard_move('work')
  with (autovacuum_vacuum_cost_delay=0, autovacuum_vacuum_scale_factor=0.01, fillfactor=60)
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_api: insert, select, update
  grant cowork_scheduler: select
  grant cowork_web: select

table cowork.worker_credentials
  owner cowork_owner
  credential_id uuid not null
  worker_id uuid not null
  credential_hash text not null
  issued_at timestamp with time zone not null default cowork.now()
  expires_at timestamp with time zone not null
  revoked_at timestamp with time zone
  constraint worker_credentials_pkey PRIMARY KEY (credential_id)
  constraint worker_credentials_credential_hash_key UNIQUE (credential_hash)
  constraint worker_credentials_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES cowork.workers(worker_id)
  constraint worker_credentials_credential_hash_check CHECK ((credential_hash ~ '^[0-9a-f]{64}$'::text))
  index worker_credentials_by_worker ON cowork.worker_credentials USING btree (worker_id)
  grant cowork_api: select

table cowork.worker_heartbeats partition by RANGE (at)
  owner cowork_owner
  worker_id uuid not null
  boot_id uuid not null
  seq bigint not null
  at timestamp with time zone not null default cowork.now()
  report jsonb not null
  constraint worker_heartbeats_pkey PRIMARY KEY (worker_id, boot_id, seq, at)
  grant cowork_api: insert

table cowork.worker_incarnations
  owner cowork_owner
  worker_id uuid not null
  boot_id uuid not null
  started_at timestamp with time zone not null default cowork.now()
  last_seen_at timestamp with time zone not null default cowork.now()
  heartbeat_seq bigint not null
  draining boolean not null
  report jsonb not null
  constraint worker_incarnations_pkey PRIMARY KEY (worker_id, boot_id)
  constraint worker_incarnations_boot_id_key UNIQUE (boot_id)
  constraint worker_incarnations_worker_id_fkey FOREIGN KEY (worker_id) REFERENCES cowork.workers(worker_id)
  constraint worker_incarnations_heartbeat_seq_check CHECK ((heartbeat_seq > 0))
  with (fillfactor=70)
  grant cowork_api: delete, insert, select, update
  grant cowork_scheduler: select

table cowork.worker_pools
  owner cowork_owner
  pool_id uuid not null
  org_id uuid
  name text not null
  workers_most integer not null default 1000
  created_at timestamp with time zone not null default cowork.now()
  constraint worker_pools_pkey PRIMARY KEY (pool_id)
  constraint worker_pools_org_id_name_key UNIQUE NULLS NOT DISTINCT (org_id, name)
  constraint worker_pools_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint worker_pools_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
  constraint worker_pools_workers_most_check CHECK ((workers_most >= 0))
  trigger keep_pool BEFORE UPDATE OF org_id ON cowork.worker_pools FOR EACH ROW WHEN ((old.org_id IS DISTINCT FROM new.org_id)) EXECUTE FUNCTION cowork.keep_pool()
  grant cowork_api: select
  grant cowork_scheduler: select

table cowork.workers
  owner cowork_owner
  worker_id uuid not null
  pool_id uuid not null
  name text not null
  status text not null
  created_at timestamp with time zone not null default cowork.now()
  status_changed_at timestamp with time zone not null default cowork.now()
  status_by text not null default 'plane'::text
  constraint workers_pkey PRIMARY KEY (worker_id)
  constraint workers_pool_id_name_key UNIQUE (pool_id, name)
  constraint workers_pool_id_fkey FOREIGN KEY (pool_id) REFERENCES cowork.worker_pools(pool_id)
  constraint workers_name_check CHECK (((length(name) >= 1) AND (length(name) <= 100)))
  constraint workers_status_by_check CHECK ((status_by = ANY (ARRAY['plane'::text, 'person'::text])))
  constraint workers_status_check CHECK ((status = ANY (ARRAY['pending'::text, 'active'::text, 'draining'::text, 'paused'::text, 'unhealthy'::text, 'retired'::text, 'revoked'::text])))
  trigger guard_move BEFORE UPDATE OF status ON cowork.workers FOR EACH ROW WHEN ((old.status IS DISTINCT FROM new.status)) EXECUTE FUNCTION cowork.guard_move('worker')
  grant cowork_api: select, update
  grant cowork_scheduler: select

table cowork.workspaces
  owner cowork_owner
  org_id uuid not null
  workspace_id uuid not null
  name text not null
  source jsonb not null default '{"kind": "empty"}'::jsonb
  created_at timestamp with time zone not null default cowork.now()
  constraint workspaces_pkey PRIMARY KEY (org_id, workspace_id)
  constraint workspaces_org_id_fkey FOREIGN KEY (org_id) REFERENCES cowork.orgs(org_id)
  constraint workspaces_name_check CHECK (((length(name) >= 1) AND (length(name) <= 200)))
  row level security
  policy plane_wide for all to cowork_api, cowork_scheduler using true
  policy tenant for all to cowork_web using (org_id = (NULLIF(current_setting('cowork.org_id'::text, true), ''::text))::uuid)
  grant cowork_web: insert, select

function cowork.guard_move()
  returns trigger
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_owner

function cowork.guard_pool()
  returns trigger
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_owner

function cowork.keep_partitions(p_heartbeat_months integer, p_usage_months integer, p_audit_months integer)
  returns text[]
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_owner
  grant cowork_scheduler: execute

function cowork.keep_pool()
  returns trigger
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_owner

function cowork.keep_revoked()
  returns trigger
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_owner

function cowork.lawful_moves(p_machine text)
  returns text[]
  language sql immutable
  owner cowork_owner

function cowork.make_partitions(p_months integer)
  returns void
  language plpgsql volatile
  owner cowork_owner

function cowork.now()
  returns timestamp with time zone
  language sql volatile
  owner cowork_owner
  grant cowork_api: execute
  grant cowork_scheduler: execute
  grant cowork_web: execute
  grant cowork_worker: execute

function internal.append_under_leases(p_lanes cowork.lanes[], p_events jsonb[])
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.artifact_key(p_org_id uuid, p_session_id uuid, p_artifact_id uuid, p_sha256 text)
  returns text
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.create_session(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_title text, p_command_id uuid, p_work_id uuid, p_text text, p_traceparent text, p_waiting_most integer, p_profile text)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.decide(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_decision_id uuid, p_status text, p_answers jsonb)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.describe_lease(p_lane_id uuid, p_request_secret text)
  returns jsonb
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.drop_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid)
  returns text
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.end_attempt(p_lane cowork.lanes, p_outcome text, p_reason text)
  returns jsonb
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.end_attempts(p_lanes cowork.lanes[], p_outcomes text[], p_reasons text[], p_events integer[], p_batch_nos bigint[], p_beside uuid[] DEFAULT '{}'::uuid[])
  returns text[]
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.end_overtime(p_most integer)
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.end_stuck_backends(p_older_than_ms integer)
  returns integer
  language sql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.enqueue_prompt(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_command_id uuid, p_work_id uuid, p_text text, p_traceparent text, p_waiting_most integer)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_web: execute

function internal.expire_decisions(p_limit integer)
  returns TABLE(session_id uuid)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.explain_waiting(p_org_id uuid, p_work_id uuid)
  returns TABLE(reason text, details jsonb)
  language plpgsql stable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.give_leases(p_lanes cowork.lanes[], p_work_ids uuid[], p_worker cowork.workers, p_boot_id uuid, p_request_secret text, p_ttl_ms integer)
  returns jsonb
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.is_restored()
  returns boolean
  language sql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute
  grant cowork_web: execute
  grant cowork_worker: execute

function internal.keep_house(p_feed_ms bigint, p_incarnations_ms bigint, p_sign_ins_ms bigint, p_most integer)
  returns TABLE(kind text, removed integer)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.lease_description(p_work_id uuid, p_session_id uuid, p_org_id uuid, p_command_id uuid, p_attempt integer, p_token text, p_text text, p_runtime_session_id text, p_traceparent text, p_ready_at timestamp with time zone, p_claimed_at timestamp with time zone, p_next_batch bigint, p_policy jsonb)
  returns jsonb
  language sql stable
  owner cowork_api

function internal.lease_token(p_request_secret text, p_work_id uuid, p_attempt integer)
  returns text
  language sql stable
  owner cowork_api

function internal.lock_lanes(p_tokens text[])
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.lock_lease(p_token text, p_write_class text, p_in_batch boolean DEFAULT false, OUT lane cowork.lanes, OUT reason text)
  returns record
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.manifest_key(p_org_id uuid, p_session_id uuid, p_sha256 text)
  returns text
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.mark_heads(p_lane_ids uuid[])
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.mark_revoked(p_worker_id uuid)
  returns boolean
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.mark_unhealthy(p_after_ms integer)
  returns uuid[]
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.mend_heads(p_lanes integer)
  returns uuid[]
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.most_attempts()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_batch_bytes()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_heartbeat_bytes()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_lease_ms()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_packs()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_refusals_of_all()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_refusals_of_source()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_strikes()
  returns integer
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.most_work_time()
  returns interval
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.move_worker(p_user_id uuid, p_worker_id uuid, p_to text)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.must_read_committed()
  returns boolean
  language plpgsql stable
  owner cowork_api

function internal.note_refusal(p_action text, p_reason text, p_worker_id uuid, p_subject jsonb)
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.object_prefix(p_org_id uuid, p_session_id uuid)
  returns text
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.org_of_worker(p_worker_id uuid)
  returns uuid
  language plpgsql stable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.pack_key(p_org_id uuid, p_sha256 text)
  returns text
  language sql immutable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.promote_due(p_most integer, OUT promoted integer, OUT missed integer)
  returns record
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=200ms set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_scheduler: execute

function internal.promote_lane(p_lane_id uuid)
  returns boolean
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.promote_lanes(p_lane_ids uuid[])
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.promote_tenant(p_org_id uuid, p_most integer)
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.quota(p_org_id uuid, p_quota text)
  returns bigint
  language plpgsql stable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.raise_floors()
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.record_asks(p_lanes cowork.lanes[], p_events jsonb[], p_at timestamp with time zone)
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.recover_lease(p_lane_id uuid)
  returns jsonb
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=500ms set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_scheduler: execute

function internal.resolve_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid, p_resolution text)
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.retry_dead_letter(p_org_id uuid, p_user_id uuid, p_work_id uuid, p_text text, p_waiting_most integer)
  returns text
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.revoke_worker(p_worker_id uuid)
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set lock_timeout=2s
  owner cowork_api

function internal.route(p_pool_id uuid, p_provider text, p_capabilities text[])
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.schema_version()
  returns text
  language sql stable security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute
  grant cowork_web: execute
  grant cowork_worker: execute

function internal.settle_decision(p_lane cowork.lanes, p_decision cowork.decisions, p_status text, p_user_id uuid, p_name text, p_answers jsonb, p_at timestamp with time zone)
  returns void
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.settle_part(p_session_id uuid, p_message_id text, p_part_id text, p_last_seq bigint, p_seqs jsonb, p_body jsonb)
  returns boolean
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_scheduler: execute

function internal.settle_ready(p_most integer)
  returns integer
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_scheduler: execute

function internal.signals_of(p_work_id uuid)
  returns jsonb
  language sql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.state_fact(p_lane_id uuid, p_type text, p_attempt integer, p_command_id uuid, p_payload jsonb, p_at timestamp with time zone DEFAULT NULL::timestamp with time zone)
  returns bigint
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function internal.stop_session(p_org_id uuid, p_user_id uuid, p_session_id uuid, p_signal_id uuid)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function internal.worker_principal(p_credential text)
  returns cowork.workers
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api

function web_api.end_browser_session(p_token_hash text)
  returns void
  language sql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function web_api.resolve_browser_session(p_token_hash text)
  returns TABLE(browser_session_id uuid, user_id uuid, org_id uuid, email text, display_name text, role text)
  language sql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function web_api.use_sign_in_link(p_link_hash text, p_browser_token_hash text)
  returns TABLE(user_id uuid, org_id uuid, expires_at timestamp with time zone)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute

function worker_api_v1.append_events(p_batches jsonb)
  returns TABLE(idx integer, ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.claim(p_credential text, p_boot_id uuid, p_request_secret text, p_limit integer, p_ttl_ms integer)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.finish(p_endings jsonb)
  returns TABLE(idx integer, ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.heartbeat(p_worker_id uuid, p_credential text, p_body jsonb)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_web: execute
  grant cowork_worker: execute

function worker_api_v1.record_artifact(p_token text, p_artifact jsonb)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.record_usage(p_token text, p_records jsonb)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.renew(p_tokens text[], p_ttl_ms integer)
  returns TABLE(idx integer, ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp set plan_cache_mode=force_generic_plan set enable_seqscan=off set enable_hashjoin=off set enable_mergejoin=off set jit=off
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.reveal_secret(p_token text, p_provider text)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.save_checkpoint(p_token text, p_checkpoint jsonb)
  returns TABLE(ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_worker: execute

function worker_api_v1.take_signals(p_tokens text[])
  returns TABLE(idx integer, ok boolean, reason text, answer jsonb)
  language plpgsql volatile security definer set search_path=pg_catalog, pg_temp
  owner cowork_api
  grant cowork_worker: execute

default privileges of cowork_api on functions: its own only

default privileges of cowork_owner on functions: its own only
