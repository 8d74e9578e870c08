-- Makes the head of a lane claimable when it is due. The caller holds the lane's lock, taken in an earlier statement:
-- a look in the locking statement itself would use a snapshot from before the wait and lose the wake-up of a row that
-- was enqueued meanwhile.
create or replace function internal.promote_lane(p_lane_id uuid) returns boolean
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_work_id uuid;
begin
  select w.work_id into v_work_id from cowork.work w
    where w.lane_id = p_lane_id and w.status in ('queued', 'ready', 'leased', 'parked')
    order by w.position limit 1;
  update cowork.work w set status = 'ready', ready_at = cowork.now()
    where w.work_id = v_work_id and w.status = 'queued' and w.available_at <= cowork.now();
  return found;
end $$;
grant execute on function internal.promote_lane(uuid) to cowork_web, cowork_scheduler;
