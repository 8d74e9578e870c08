-- Who a browser's cookie stands for. A look-up before the organisation is known, hence a function with its own rights.
create or replace function web_api.resolve_browser_session(p_token_hash text)
returns table (browser_session_id uuid, user_id uuid, org_id uuid, email text, display_name text, role text)
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  select b.browser_session_id, b.user_id, b.org_id, u.email, u.display_name, m.role
    from cowork.browser_sessions b
      join cowork.memberships m using (org_id, user_id)
      join cowork.users u using (user_id)
    where b.token_hash = p_token_hash and b.ended_at is null and b.expires_at > cowork.now()
$$;
grant execute on function web_api.resolve_browser_session(text) to cowork_web;
