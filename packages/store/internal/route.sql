-- The number of what a worker must match, made on first use.
create or replace function internal.route(p_pool_id uuid, p_provider text, p_capabilities text[]) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_route_id integer;
begin
  select r.route_id into v_route_id from cowork.routes r
    where r.pool_id = p_pool_id and r.provider = p_provider and r.capabilities = p_capabilities;
  if not found then
    insert into cowork.routes (pool_id, provider, capabilities) values (p_pool_id, p_provider, p_capabilities)
      on conflict (pool_id, provider, capabilities) do nothing returning route_id into v_route_id;
    -- Somebody else was first. Not an update, whose lock would cross that of whoever raises the floors.
    if v_route_id is null then
      select r.route_id into strict v_route_id from cowork.routes r
        where r.pool_id = p_pool_id and r.provider = p_provider and r.capabilities = p_capabilities;
    end if;
  end if;
  return v_route_id;
end $$;
