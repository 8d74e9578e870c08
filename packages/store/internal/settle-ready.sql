-- What time does to rows that are ready: a preference that nobody used ends after half a second, and a row of a lower
-- class that has waited for a minute stands with the interactive ones. Bounded; returns how many became claimable for more.
create or replace function internal.settle_ready(p_most integer) returns integer
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp
-- One plan per statement, by the indexes: docs/adr/0014-plans-of-the-verbs.md.
set plan_cache_mode = force_generic_plan set enable_seqscan = off set enable_hashjoin = off set enable_mergejoin = off set jit = off
as $$
declare
  v_freed integer;
  v_aged integer;
begin
  update cowork.work w set preferred_boot_id = null
    where w.work_id in (select f.work_id from cowork.work f
      where f.status = 'ready' and f.preferred_boot_id is not null and f.ready_at < cowork.now() - interval '500 milliseconds'
      order by f.ready_at limit p_most for no key update skip locked);
  get diagnostics v_freed = row_count;
  update cowork.work w set class = 0
    where w.work_id in (select f.work_id from cowork.work f
      where f.status = 'ready' and f.class > 0 and f.ready_at < cowork.now() - interval '60 seconds'
      order by f.ready_at limit p_most for no key update skip locked);
  get diagnostics v_aged = row_count;
  return v_freed + v_aged;
end $$;
grant execute on function internal.settle_ready(integer) to cowork_scheduler;
