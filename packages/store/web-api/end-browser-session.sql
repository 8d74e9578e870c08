-- Signs a browser out, for good.
create or replace function web_api.end_browser_session(p_token_hash text) returns void
language sql volatile security definer set search_path = pg_catalog, pg_temp as $$
  update cowork.browser_sessions set ended_at = cowork.now() where token_hash = p_token_hash and ended_at is null
$$;
grant execute on function web_api.end_browser_session(text) to cowork_web;
