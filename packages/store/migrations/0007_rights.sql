-- Who may do what. Row-level security keeps a forgotten WHERE from showing another organisation's rows; it does not
-- guard against a web process that was taken over, because that process sets `cowork.org_id` itself.
--
-- `cowork_worker` gets nothing here: it may only call the verbs of worker_api_v1 (packages/store/worker-api).

revoke all on schema cowork from public;
grant usage on schema cowork to cowork_api, cowork_web, cowork_scheduler, cowork_worker;

-- The global form: the per-schema form of this statement does nothing for functions.
alter default privileges revoke execute on functions from public;
revoke execute on all functions in schema cowork from public;
grant execute on function cowork.now() to cowork_api, cowork_web, cowork_scheduler, cowork_worker;

-- Functions that run with more rights than their caller. Owned by a role that can't log in and isn't the tables' owner;
-- `migrate` applies the files of packages/store/{internal,web-api,worker-api} as that role.
create schema internal authorization cowork_api;
create schema web_api authorization cowork_api;
create schema worker_api_v1 authorization cowork_api;
alter default privileges for role cowork_api revoke execute on functions from public;
grant usage on schema internal to cowork_web, cowork_scheduler, cowork_worker;
grant usage on schema web_api to cowork_web;
grant usage on schema worker_api_v1 to cowork_worker, cowork_web;

-- Door. Never lease, event or checkpoint columns; wishes are made by functions.
grant select on cowork.plane, cowork.memberships, cowork.users, cowork.profiles, cowork.workspaces, cowork.sessions,
  cowork.commands, cowork.lanes, cowork.work, cowork.attempts, cowork.session_events, cowork.parts, cowork.feed,
  cowork.decisions, cowork.dead_letters, cowork.tenants, cowork.quotas, cowork.entitlements, cowork.usage,
  cowork.checkpoints, cowork.artifacts, cowork.audit, cowork.audit_seals to cowork_web;
grant select (org_id, secret_id, provider, version, key_id, created_at, revoked_at) on cowork.sealed_secrets to cowork_web;
grant insert on cowork.workspaces, cowork.sealed_secrets to cowork_web;
-- Not the transaction and the time of evidence: a row that could choose them would slip in under an old seal.
grant insert (org_id, action, reason, actor_kind, actor_id, subject) on cowork.audit to cowork_web, cowork_scheduler;
grant update (title, status, updated_at) on cowork.sessions to cowork_web;
grant update (revoked_at) on cowork.sealed_secrets to cowork_web;
grant select, insert, update, delete on cowork.idempotency to cowork_web;

-- Clock. Every move of work goes through a function; here it only looks, and keeps house.
grant select on cowork.plane, cowork.orgs, cowork.sessions, cowork.lanes, cowork.work, cowork.attempts, cowork.commands,
  cowork.worker_pools, cowork.worker_incarnations, cowork.routes, cowork.tenants, cowork.audit, cowork.audit_seals,
  cowork.session_events, cowork.parts to cowork_scheduler;
grant select on cowork.workers to cowork_scheduler;
grant insert on cowork.audit_seals to cowork_scheduler;
grant select, update on cowork.audit_sealer to cowork_scheduler;
grant select on cowork.refusals_left_out to cowork_scheduler;
grant select, delete on cowork.outbox to cowork_scheduler;

-- The verbs' owner: no login, exact grants.
grant select on cowork.lifecycle_moves, cowork.event_types, cowork.failures, cowork.quota_defaults, cowork.quotas, cowork.memberships,
  cowork.users, cowork.worker_pools, cowork.worker_credentials, cowork.profiles, cowork.sealed_secrets to cowork_api;
grant select, update on cowork.sign_in_links, cowork.browser_sessions, cowork.sessions, cowork.commands, cowork.lanes,
  cowork.work, cowork.attempts, cowork.workers, cowork.worker_incarnations, cowork.tenants, cowork.routes, cowork.parts,
  cowork.dead_letters, cowork.decisions, cowork.head_mender to cowork_api;
grant insert on cowork.browser_sessions, cowork.sessions, cowork.lanes, cowork.commands, cowork.work, cowork.routes, cowork.attempts,
  cowork.session_events, cowork.parts, cowork.feed, cowork.signals, cowork.worker_incarnations, cowork.worker_heartbeats,
  cowork.dead_letters, cowork.decisions, cowork.usage, cowork.packs, cowork.checkpoints, cowork.checkpoint_packs, cowork.artifacts,
  cowork.audit to cowork_api;
grant select, delete on cowork.session_events, cowork.signals to cowork_api;
-- A session whose first prompt was refused is taken back by who made it.
grant delete on cowork.sessions, cowork.lanes to cowork_api;
-- Housekeeping.
grant select, delete on cowork.feed, cowork.idempotency to cowork_api;
grant delete on cowork.worker_incarnations, cowork.sign_in_links, cowork.browser_sessions to cowork_api;
grant update (feed_forgotten) on cowork.plane to cowork_api;
grant select on cowork.plane, cowork.audit_sealer, cowork.packs, cowork.checkpoints, cowork.checkpoint_packs, cowork.artifacts,
  cowork.usage, cowork.audit to cowork_api;
grant usage on cowork.refusals_left_out to cowork_api;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['memberships', 'api_tokens', 'tenants', 'quotas', 'entitlements', 'profiles', 'workspaces',
    'sessions', 'commands', 'lanes', 'work', 'attempts', 'decisions', 'dead_letters', 'idempotency', 'usage', 'signals',
    'session_events', 'parts', 'feed', 'packs', 'checkpoints', 'checkpoint_packs', 'artifacts', 'sealed_secrets', 'audit',
    'sign_in_links', 'browser_sessions', 'objects_awaiting_collection']
  loop
    execute format('alter table cowork.%I enable row level security', v_table);
    -- '' and not NULL is what the setting reads after SET LOCAL has ended.
    execute format(
      'create policy tenant on cowork.%I to cowork_web using (org_id = nullif(current_setting(''cowork.org_id'', true), '''')::uuid)',
      v_table);
    execute format('create policy plane_wide on cowork.%I to cowork_scheduler, cowork_api using (true)', v_table);
  end loop;
end $$;
-- People are seen by those whom they share an organisation with; memberships show the door its own only.
alter table cowork.users enable row level security;
create policy tenant on cowork.users to cowork_web
  using (exists (select from cowork.memberships m where m.user_id = users.user_id));
create policy plane_wide on cowork.users to cowork_api using (true);
-- The zero id is the chain of what belongs to no organisation: the operator's, not a tenant's.
alter table cowork.audit_seals enable row level security;
create policy tenant on cowork.audit_seals to cowork_web
  using (chain = nullif(current_setting('cowork.org_id', true), '')::uuid);
create policy plane_wide on cowork.audit_seals to cowork_scheduler using (true);

-- Months ahead, made by whoever migrates; what falls beyond lands in the default partition.
create function cowork.make_partitions(p_months integer) returns void language plpgsql as $$
declare
  v_table text;
  v_from date;
begin
  foreach v_table in array array['worker_heartbeats', 'usage', 'audit'] loop
    for v_from in select generate_series(date_trunc('month', now()), date_trunc('month', now()) + make_interval(months => p_months), '1 month')::date loop
      begin
        execute format('create table if not exists cowork.%I partition of cowork.%I for values from (%L) to (%L)',
          v_table || to_char(v_from, '_YYYY_MM'), v_table, v_from, (v_from + interval '1 month')::date);
      exception when check_violation then
        -- Rows of that month already lie in the default partition: they stay there.
        null;
      end;
    end loop;
  end loop;
end $$;
revoke execute on function cowork.make_partitions(integer) from public;

-- Months ahead, and no month longer than it is wanted. Runs as the tables' owner, because nobody else may make or drop one;
-- the names it makes statements of are those of the catalogue. Evidence goes when all of it is sealed, and leaves its seals.
create function cowork.keep_partitions(p_heartbeat_months integer, p_usage_months integer, p_audit_months integer)
returns text[] language plpgsql security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_part record;
  v_dropped text[] := '{}';
begin
  perform cowork.make_partitions(3);
  for v_part in
    select c.oid, c.relname as name, p.relname as parent,
        to_date(right(c.relname, 7), 'YYYY_MM') + interval '1 month' as ends_at
      from pg_inherits i join pg_class c on c.oid = i.inhrelid join pg_class p on p.oid = i.inhparent
      where p.relnamespace = 'cowork'::regnamespace and p.relname in ('worker_heartbeats', 'usage', 'audit')
        and c.relname ~ '_[0-9]{4}_[0-9]{2}$'
      order by c.relname
  loop
    continue when v_part.ends_at > date_trunc('month', cowork.now()) - make_interval(months => case v_part.parent
      when 'worker_heartbeats' then p_heartbeat_months when 'usage' then p_usage_months else p_audit_months end);
    if v_part.parent = 'audit' then
      continue when exists (
        select from cowork.audit a, cowork.audit_sealer s
          where a.tableoid = v_part.oid and (a.era > s.era or a.era = s.era and a.xid >= s.sealed_to));
      update cowork.audit_sealer s set dropped_before = greatest(s.dropped_before, v_part.ends_at);
      insert into cowork.audit (action, actor_kind, subject)
        values ('audit_month_dropped', 'scheduler', jsonb_build_object('month', v_part.name));
    end if;
    execute format('drop table cowork.%I', v_part.name);
    v_dropped := v_dropped || v_part.name::text;
  end loop;
  return v_dropped;
end $$;
revoke execute on function cowork.keep_partitions(integer, integer, integer) from public;
grant execute on function cowork.keep_partitions(integer, integer, integer) to cowork_scheduler;
