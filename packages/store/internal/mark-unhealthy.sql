-- Calls active and draining workers unhealthy none of whose processes has been heard of. One that was never heard of has until
-- then counted from its last change of state. One that a person was draining stays unhealthy until a person says more: a
-- heartbeat would otherwise make it claim again. Race closed: a heartbeat that commits meanwhile. All processes of the
-- worker are locked and looked at again, so a heartbeat is either seen here or waits, sees what was done, and undoes it.
create or replace function internal.mark_unhealthy(p_after_ms integer) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_since timestamptz := cowork.now() - make_interval(secs => p_after_ms / 1000.0);
  v_worker_id uuid;
  v_marked uuid[] := '{}';
begin
  for v_worker_id in
    select w.worker_id from cowork.workers w
      where w.status in ('active', 'draining') and w.status_changed_at < v_since
        and not exists (select from cowork.worker_incarnations i where i.worker_id = w.worker_id and i.last_seen_at > v_since)
      order by w.worker_id
  loop
    -- FOR UPDATE, which is more than elsewhere: a process that reports for the first time has no row yet to lock, but its
    -- row will refer to this one. Whoever is busy with the worker shows that it lives: it is left to the next tick.
    perform from cowork.workers w where w.worker_id = v_worker_id and w.status in ('active', 'draining') for update skip locked;
    continue when not found;
    continue when (select count(*) from (
        select from cowork.worker_incarnations i where i.worker_id = v_worker_id for no key update skip locked) l)
      < (select count(*) from cowork.worker_incarnations i where i.worker_id = v_worker_id);
    continue when exists (
      select from cowork.worker_incarnations i where i.worker_id = v_worker_id and i.last_seen_at > v_since);
    update cowork.workers w set status = 'unhealthy', status_changed_at = cowork.now(),
        status_by = case w.status when 'active' then 'plane' else w.status_by end
      where w.worker_id = v_worker_id;
    insert into cowork.audit (org_id, action, reason, actor_kind, subject)
      values (internal.org_of_worker(v_worker_id), 'worker_unhealthy', 'heartbeat_missed', 'scheduler', jsonb_build_object('workerId', v_worker_id));
    v_marked := v_marked || v_worker_id;
  end loop;
  return v_marked;
end $$;
grant execute on function internal.mark_unhealthy(integer) to cowork_scheduler;
