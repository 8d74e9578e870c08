-- Marks the first live row of each of these lanes as its head, so that the indexes of heads hold it. The caller holds
-- the lanes' locks.
create or replace function internal.mark_heads(p_lane_ids uuid[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
begin
  update cowork.work w set is_head = true
    from unnest((select p_lane_ids)) u (lane_id) cross join lateral (
      select f.work_id, f.is_head from cowork.work f
        where f.lane_id = u.lane_id and f.status in ('queued', 'ready', 'leased', 'parked') order by f.position limit 1) h
    where w.work_id = h.work_id and not h.is_head;
end $$;
