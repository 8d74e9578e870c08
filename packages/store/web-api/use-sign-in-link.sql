-- Turns a one-time link into a browser session. Race closed: two clicks on one link; the compare-and-set lets one win.
create or replace function web_api.use_sign_in_link(p_link_hash text, p_browser_token_hash text)
returns table (user_id uuid, org_id uuid, expires_at timestamptz)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_link cowork.sign_in_links;
begin
  update cowork.sign_in_links l set used_at = cowork.now()
    where l.link_hash = p_link_hash and l.used_at is null and l.expires_at > cowork.now()
    returning l.* into v_link;
  if not found then
    return;
  end if;
  insert into cowork.audit (org_id, action, actor_kind, actor_id) values (v_link.org_id, 'signed_in', 'user', v_link.user_id);
  return query insert into cowork.browser_sessions as b (token_hash, org_id, user_id, expires_at)
    values (p_browser_token_hash, v_link.org_id, v_link.user_id, cowork.now() + interval '30 days')
    returning b.user_id, b.org_id, b.expires_at;
end $$;
grant execute on function web_api.use_sign_in_link(text, text) to cowork_web;
