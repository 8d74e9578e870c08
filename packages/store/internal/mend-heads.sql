-- Every lane's first live row is marked as its head; promotion looks for nothing else. Should a verb ever forget the mark,
-- the lane would stand still for good: so the tick looks at the next few lanes each time, round and round, at a cost that
-- does not depend on how many there are. Returns the lanes that it mended, each of which is a defect.
create or replace function internal.mend_heads(p_lanes integer) returns uuid[]
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_from uuid;
  v_lanes uuid[];
  v_wrong uuid[];
  v_mended uuid[];
begin
  -- Another scheduler is at it.
  select m.checked_to into v_from from cowork.head_mender m for no key update skip locked;
  if not found then
    return '{}';
  end if;
  select array_agg(n.lane_id order by n.lane_id) into v_lanes from (
    select w.lane_id from cowork.work w
      where w.status in ('queued', 'ready', 'leased', 'parked') and w.lane_id > v_from
      group by w.lane_id order by w.lane_id limit p_lanes) n;
  update cowork.head_mender m
    set checked_to = case when cardinality(v_lanes) = p_lanes then v_lanes[p_lanes] else '00000000-0000-0000-0000-000000000000' end
    where v_from <> '00000000-0000-0000-0000-000000000000' or cardinality(v_lanes) = p_lanes;
  select array_agg(u.lane_id) into v_wrong from unnest((select v_lanes)) u (lane_id) cross join lateral (
    select w.is_head from cowork.work w
      where w.lane_id = u.lane_id and w.status in ('queued', 'ready', 'leased', 'parked') order by w.position limit 1) h
    where not h.is_head;
  if v_wrong is null then
    return '{}';
  end if;
  select array_agg(l.lane_id) into v_wrong from (
    select l.lane_id from cowork.lanes l where l.lane_id = any (v_wrong) order by l.lane_id for no key update skip locked) l;
  with mended as (
    update cowork.work w set is_head = true
      from unnest((select v_wrong)) u (lane_id) cross join lateral (
        select f.work_id, f.is_head from cowork.work f
          where f.lane_id = u.lane_id and f.status in ('queued', 'ready', 'leased', 'parked') order by f.position limit 1) h
      where w.work_id = h.work_id and not h.is_head
      returning w.lane_id)
  select array_agg(m.lane_id) into v_mended from mended m;
  return coalesce(v_mended, '{}');
end $$;
grant execute on function internal.mend_heads(integer) to cowork_scheduler;
