-- Ends a worker for good: state and all its leases, in one transaction. Race closed: a claim beside it holds the worker's
-- row in share, so it either sees the revoke or its lease is found here. Lanes are locked in the order of their ids, all of
-- them before any tenant's row.
--
-- Whoever is revoked may be hostile and sit on these rows in open transactions of its own. Two seconds of patience are for
-- honest calls; then connections of workers that are in a transaction are ended, first the old ones and then all, because
-- their calls can be repeated. In the end the state alone is written: the fence refuses a revoked worker's tokens, and the
-- recovery takes its leases back.
create or replace function internal.revoke_worker(p_worker_id uuid) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '2s' as $$
declare
  v_lanes cowork.lanes[];
  v_patience integer;
begin
  foreach v_patience in array array[500, 0] loop
    begin
      if not internal.mark_revoked(p_worker_id) then
        return null;
      end if;
      select array_agg(l) into v_lanes from (
        select l.* from cowork.lanes l where l.worker_id = p_worker_id and l.work_id is not null
          order by l.lane_id for no key update) l;
      -- Renewed, finished or moved while we waited for it: the row we hold is the newest.
      select array_agg(l order by l.lane_id) into v_lanes from cowork.lanes l
        where l.lane_id in (select u.lane_id from unnest((select v_lanes)) u) and l.worker_id = p_worker_id and l.work_id is not null;
      if v_lanes is not null then
        perform internal.end_attempts(v_lanes, array_fill('lost'::text, array[cardinality(v_lanes)]),
          array_fill('worker_revoked'::text, array[cardinality(v_lanes)]), array_fill(0, array[cardinality(v_lanes)]),
          array_fill(null::bigint, array[cardinality(v_lanes)]));
      end if;
      return coalesce(cardinality(v_lanes), 0);
    exception when lock_not_available or deadlock_detected then
      perform internal.end_stuck_backends(v_patience);
    end;
  end loop;
  return case when internal.mark_revoked(p_worker_id) then 0 end;
end $$;

create or replace function internal.mark_revoked(p_worker_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update cowork.workers w set status = 'revoked', status_by = 'person', status_changed_at = cowork.now()
    where w.worker_id = p_worker_id and w.status not in ('retired', 'revoked');
  return found;
end $$;
