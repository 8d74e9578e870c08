-- How much of something an organisation may have: its own limit, or the default.
create or replace function internal.quota(p_org_id uuid, p_quota text) returns bigint
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return coalesce(
    (select q.most from cowork.quotas q where q.org_id = p_org_id and q.quota = p_quota),
    (select d.most from cowork.quota_defaults d where d.quota = p_quota));
end $$;
