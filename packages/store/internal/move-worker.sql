-- A person moves a worker through its lifecycle: a compare-and-set from the lawful predecessors, with its evidence.
-- Revoking ends credentials' worth, state and leases in the same transaction.
create or replace function internal.move_worker(p_user_id uuid, p_worker_id uuid, p_to text)
returns table (ok boolean, reason text, answer jsonb)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_ended integer := 0;
begin
  if not exists (select from cowork.workers w where w.worker_id = p_worker_id) then
    return query select false, 'not_found', null::jsonb;
    return;
  end if;
  if p_to = 'revoked' then
    v_ended := internal.revoke_worker(p_worker_id);
  else
    update cowork.workers w set status = p_to, status_by = 'person', status_changed_at = cowork.now()
      where w.worker_id = p_worker_id and w.status in (
        select m.from_state from cowork.lifecycle_moves m where m.machine = 'worker' and m.to_state = p_to);
    if not found then
      v_ended := null;
    end if;
  end if;
  if v_ended is null then
    return query select false, 'worker_transition_not_allowed', null::jsonb;
    return;
  end if;
  insert into cowork.audit (org_id, action, actor_kind, actor_id, subject)
    values (internal.org_of_worker(p_worker_id), 'worker_' || p_to, 'operator', p_user_id,
      jsonb_build_object('workerId', p_worker_id, 'leasesEnded', v_ended));
  return query select true, null::text, jsonb_build_object('leasesEnded', v_ended);
end $$;
grant execute on function internal.move_worker(uuid, uuid, text) to cowork_web;

-- Whose evidence a worker's moves are: its pool's organisation's; null, the plane's own, when the pool is shared.
create or replace function internal.org_of_worker(p_worker_id uuid) returns uuid
language plpgsql stable security definer set search_path = pg_catalog, pg_temp as $$
begin
  return (select p.org_id from cowork.workers w join cowork.worker_pools p using (pool_id) where w.worker_id = p_worker_id);
end $$;
