-- Ends a worker for good: credentials, state and all its leases, in one transaction. Race closed: a claim beside it holds
-- the worker's row in share, so it either sees the revoke or its lease is found here. Lanes are locked in the order of
-- their ids, all of them before any tenant's row.
create or replace function internal.revoke_worker(p_worker_id uuid) returns integer
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_lanes cowork.lanes[];
  v_lane cowork.lanes;
begin
  update cowork.workers w set status = 'revoked', status_by = 'person', status_changed_at = cowork.now()
    where w.worker_id = p_worker_id and w.status not in ('retired', 'revoked');
  if not found then
    return null;
  end if;
  select array_agg(l) into v_lanes from (
    select l.* from cowork.lanes l where l.worker_id = p_worker_id and l.work_id is not null
      order by l.lane_id for no key update) l;
  -- Locked by lane; ended by organisation, because that is the order in which their rows are locked, as in finish.
  for v_lane in select l.* from unnest(v_lanes) l order by l.org_id, l.lane_id loop
    -- Renewed, finished or moved while we waited for it: the row we hold is the newest.
    select l.* into v_lane from cowork.lanes l where l.lane_id = v_lane.lane_id;
    continue when v_lane.worker_id is distinct from p_worker_id or v_lane.work_id is null;
    perform internal.end_attempt(v_lane, 'lost', 'worker_revoked');
  end loop;
  return coalesce(cardinality(v_lanes), 0);
end $$;
