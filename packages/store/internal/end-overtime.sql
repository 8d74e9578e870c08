-- Ends leases of work that has held one for longer than all its attempts together may, and so leaves none for another. A
-- lane that somebody writes to is skipped: the next look comes soon.
create or replace function internal.end_overtime(p_most integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane_id uuid;
  v_lane cowork.lanes;
  v_since timestamptz := cowork.now() - internal.most_work_time();
  v_ended integer := 0;
begin
  for v_lane_id in
    select l.lane_id from cowork.lanes l join cowork.work w on w.work_id = l.work_id where w.claimed_at < v_since limit p_most
  loop
    select l.* into v_lane from cowork.lanes l join cowork.work w on w.work_id = l.work_id
      where l.lane_id = v_lane_id and w.claimed_at < v_since for no key update of l skip locked;
    if found then
      perform internal.end_attempt(v_lane, 'lost', 'time_exhausted');
      v_ended := v_ended + 1;
    end if;
  end loop;
  return v_ended;
end $$;
grant execute on function internal.end_overtime(integer) to cowork_scheduler;
