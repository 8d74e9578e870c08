-- Where objects of a session and packs of an organisation lie. Derived here and nowhere from a path of a runtime, so no
-- worker can name another tenant's object.
create or replace function internal.object_prefix(p_org_id uuid, p_session_id uuid) returns text
language sql immutable security definer set search_path = pg_catalog as $$
  select 'orgs/' || p_org_id || '/sessions/' || p_session_id || '/'
$$;

create or replace function internal.pack_key(p_org_id uuid, p_sha256 text) returns text
language sql immutable security definer set search_path = pg_catalog as $$
  select 'orgs/' || p_org_id || '/packs/' || p_sha256
$$;
