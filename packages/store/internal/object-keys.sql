-- Where objects of a session and packs of an organisation lie. Derived here and nowhere from a path of a runtime, so no
-- worker can name another tenant's object. All end in the checksum of what they hold: whoever uploads late, under a lease
-- that is gone, writes beside what has been recorded and not over it.
create or replace function internal.object_prefix(p_org_id uuid, p_session_id uuid) returns text
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select 'orgs/' || p_org_id || '/sessions/' || p_session_id || '/'
$$;

create or replace function internal.pack_key(p_org_id uuid, p_sha256 text) returns text
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select 'orgs/' || p_org_id || '/packs/' || p_sha256
$$;

create or replace function internal.manifest_key(p_org_id uuid, p_session_id uuid, p_sha256 text) returns text
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select internal.object_prefix(p_org_id, p_session_id) || 'checkpoints/' || p_sha256
$$;

create or replace function internal.artifact_key(p_org_id uuid, p_session_id uuid, p_artifact_id uuid, p_sha256 text) returns text
language sql immutable security definer set search_path = pg_catalog, pg_temp as $$
  select internal.object_prefix(p_org_id, p_session_id) || 'artifacts/' || p_artifact_id || '/' || p_sha256
$$;
