-- Who a worker credential belongs to, while it is valid; null otherwise. The credential itself is never stored. Like all
-- helpers that verbs call, plpgsql and not sql: with a pinned search path a sql function is planned anew at each call.
create or replace function internal.worker_principal(p_credential text) returns cowork.workers
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_worker cowork.workers;
begin
  if not internal.must_read_committed() then
    return null;
  end if;
  select w.* into v_worker from cowork.worker_credentials c join cowork.workers w using (worker_id)
    where c.credential_hash = encode(sha256(convert_to(coalesce(p_credential, ''), 'UTF8')), 'hex')
      and c.revoked_at is null and c.expires_at > cowork.now();
  return v_worker;
end $$;
