-- Promotes what had to wait for its time, tenant by tenant, where there is room. Enqueue and finish promote at once what
-- can be, so a head that had been due for over two seconds was missed by somebody: counted, because it is a defect.
create or replace function internal.promote_due(p_most integer, out promoted integer, out missed integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp set lock_timeout = '200ms'
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_tenant record;
  v_late integer;
  v_promoted integer;
  v_mended uuid[] := internal.mend_heads(100);
  v_late_since timestamptz := cowork.now() - interval '2 seconds';
begin
  promoted := 0;
  missed := cardinality(v_mended);
  for v_tenant in
    select t.org_id from cowork.tenants t
      where t.waiting > 0 and t.promoted < internal.quota(t.org_id, 'concurrent_sessions') order by t.org_id
  loop
    exit when promoted >= p_most;
    select count(*) into v_late from (values (0::smallint), (1::smallint), (2::smallint)) c (class) cross join lateral (
      select from cowork.work w
        where w.org_id = v_tenant.org_id and w.class = c.class and w.status = 'queued' and w.is_head
          and w.available_at < v_late_since and w.lane_id <> all (v_mended) limit 64) w;
    begin
      v_promoted := internal.promote_tenant(v_tenant.org_id, least(p_most - promoted, 64));
    exception when lock_not_available then
      -- Somebody sits on this organisation's row. The others don't wait for it; the next tick tries again.
      continue;
    end;
    promoted := promoted + v_promoted;
    missed := missed + least(v_late, v_promoted);
  end loop;
end $$;
grant execute on function internal.promote_due(integer) to cowork_scheduler;
