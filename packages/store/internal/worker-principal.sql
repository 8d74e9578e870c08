-- Who a worker credential belongs to, while it is valid; null otherwise. The credential itself is never stored.
create or replace function internal.worker_principal(p_credential text) returns cowork.workers
language sql volatile security definer set search_path = pg_catalog as $$
  select w.* from cowork.worker_credentials c join cowork.workers w using (worker_id)
    where c.credential_hash = encode(sha256(convert_to(coalesce(p_credential, ''), 'UTF8')), 'hex')
      and c.revoked_at is null and c.expires_at > cowork.now()
$$;
