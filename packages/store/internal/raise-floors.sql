-- Moves each route's floor up to the lowest tag that is still ready; an idle route's to the lowest of its pool, and an idle
-- pool's behind everything given so far. Holds the lock
-- that promotions share, so that no tag below the new floor is given at the same time; a busy route waits for next time.
create or replace function internal.raise_floors() returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_route record;
  v_floor double precision;
  v_raised integer := 0;
begin
  for v_route in select r.route_id, r.pool_id, r.floor from cowork.routes r order by r.route_id loop
    continue when not pg_try_advisory_xact_lock(7482102, v_route.route_id);
    select min(tags.tag) into v_floor from (
      (select min(w.tag) as tag from (values (0::smallint), (1::smallint), (2::smallint)) c (class) cross join lateral (
        select w.tag from cowork.work w where w.route_id = v_route.route_id and w.class = c.class and w.tag >= v_route.floor
          and w.status = 'ready' and w.preferred_boot_id is null order by w.tag limit 1) w)
      union all
      (select min(w.tag) from cowork.work w where w.route_id = v_route.route_id and w.status = 'ready' and w.preferred_boot_id is not null)
    ) tags;
    v_floor := coalesce(v_floor, (
      select min(w.tag) from cowork.routes o join cowork.work w on w.route_id = o.route_id and w.status = 'ready'
        where o.pool_id = v_route.pool_id), (select max(t.last_tag) from cowork.tenants t));
    if v_floor > v_route.floor then
      update cowork.routes r set floor = v_floor where r.route_id = v_route.route_id;
      v_raised := v_raised + 1;
    end if;
  end loop;
  return v_raised;
end $$;
grant execute on function internal.raise_floors() to cowork_scheduler;
