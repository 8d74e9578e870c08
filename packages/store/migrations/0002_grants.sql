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

-- Door.
grant select on cowork.plane, cowork.memberships, cowork.users, cowork.profiles to cowork_web;
grant select, insert on cowork.sessions, cowork.commands, cowork.lanes, cowork.work, cowork.signals to cowork_web;
grant select, insert on cowork.session_events to cowork_web;
grant select on cowork.parts to cowork_web;
grant insert on cowork.audit to cowork_web;
-- Never lease, event or checkpoint columns.
grant update (title, status, updated_at) on cowork.sessions to cowork_web;
grant update (status, reason, ended_at) on cowork.commands to cowork_web;
grant update (next_seq, next_command_seq) on cowork.lanes to cowork_web;
grant update (status, reason) on cowork.work to cowork_web;

-- Clock.
grant select on cowork.plane, cowork.failures, cowork.orgs, cowork.sessions, cowork.signals, cowork.worker_pools,
  cowork.worker_incarnations to cowork_scheduler;
grant select, update on cowork.lanes, cowork.work, cowork.attempts, cowork.commands, cowork.workers to cowork_scheduler;
grant update (updated_at) on cowork.sessions to cowork_scheduler;
grant insert on cowork.session_events, cowork.audit to cowork_scheduler;

-- The verbs' owner: no login, exact grants.
grant select on cowork.event_types, cowork.failures, cowork.memberships, cowork.users to cowork_api;
grant select, update on cowork.sign_in_links, cowork.sessions, cowork.commands, cowork.lanes, cowork.work,
  cowork.attempts, cowork.workers, cowork.worker_incarnations, cowork.browser_sessions to cowork_api;
grant insert on cowork.browser_sessions, cowork.attempts, cowork.session_events, cowork.parts,
  cowork.worker_incarnations, cowork.audit to cowork_api;
grant select, update on cowork.parts to cowork_api;
grant select, delete on cowork.session_events to cowork_api;
grant select on cowork.worker_credentials, cowork.worker_pools to cowork_api;
grant select, delete on cowork.signals to cowork_api;

do $$
declare
  v_table text;
begin
  foreach v_table in array array['memberships', 'profiles', 'sessions', 'commands', 'lanes', 'work', 'attempts',
    'session_events', 'parts', 'signals', 'audit', 'sign_in_links', 'browser_sessions']
  loop
    execute format('alter table cowork.%I enable row level security', v_table);
    -- '' and not NULL is what the setting reads after SET LOCAL has ended.
    execute format(
      'create policy tenant on cowork.%I to cowork_web using (org_id = nullif(current_setting(''cowork.org_id'', true), '''')::uuid)',
      v_table);
    execute format('create policy plane_wide on cowork.%I to cowork_scheduler, cowork_api using (true)', v_table);
  end loop;
end $$;
