-- Removes what nobody asks for any more, a bounded number of rows of each kind at once; the scheduler comes back while a
-- kind is full. How long each is kept is configuration; what is evidence goes by whole months, see cowork.keep_partitions.
create or replace function internal.keep_house(p_feed_ms bigint, p_incarnations_ms bigint, p_sign_ins_ms bigint, p_most integer)
returns table (kind text, removed integer)
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
#variable_conflict use_column
declare
  v_now timestamptz := cowork.now();
  v_forgotten xid8;
begin
  delete from cowork.idempotency i where i.ctid = any (array(
    select o.ctid from cowork.idempotency o where o.expires_at < v_now order by o.expires_at limit p_most));
  get diagnostics removed = row_count;
  kind := 'idempotency';
  return next;

  -- Readers whose cursor stands before this have missed something, and read everything anew.
  with gone as (
    delete from cowork.feed f where f.ctid = any (array(
      select o.ctid from cowork.feed o where o.at < v_now - make_interval(secs => p_feed_ms / 1000.0) limit p_most))
      returning f.xid)
  select count(*), max(g.xid) into removed, v_forgotten from gone g;
  if removed > 0 then
    update cowork.plane p set feed_forgotten = greatest(p.feed_forgotten, v_forgotten);
  end if;
  kind := 'feed';
  return next;

  delete from cowork.worker_incarnations i where i.boot_id in (
    select o.boot_id from cowork.worker_incarnations o
      where o.last_seen_at < v_now - make_interval(secs => p_incarnations_ms / 1000.0)
        and not exists (select from cowork.lanes l where l.worker_id = o.worker_id and l.boot_id = o.boot_id and l.work_id is not null)
      limit p_most);
  get diagnostics removed = row_count;
  kind := 'worker_incarnations';
  return next;

  delete from cowork.sign_in_links s where s.link_hash in (
    select o.link_hash from cowork.sign_in_links o
      where least(o.used_at, o.expires_at) < v_now - make_interval(secs => p_sign_ins_ms / 1000.0) limit p_most);
  get diagnostics removed = row_count;
  kind := 'sign_in_links';
  return next;

  delete from cowork.browser_sessions s where s.browser_session_id in (
    select o.browser_session_id from cowork.browser_sessions o
      where least(o.ended_at, o.expires_at) < v_now - make_interval(secs => p_sign_ins_ms / 1000.0) limit p_most);
  get diagnostics removed = row_count;
  kind := 'browser_sessions';
  return next;
end $$;
grant execute on function internal.keep_house(bigint, bigint, bigint, integer) to cowork_scheduler;
