-- Evidence of a refusal for which no organisation is known. Whoever is refused for want of any token may ask as often as it
-- likes, so each source (a worker, or else an address) leaves so many rows of a kind a minute and all of them together some
-- more; the rest is counted, and the sealer writes down how many. Waits for nobody, so that it may stand in the middle of a
-- batch: the limit is read from what is there (calls at the same moment may each add a row to it), the count is a sequence.
create or replace function internal.note_refusal(p_action text, p_reason text, p_worker_id uuid, p_subject jsonb) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_subject jsonb := p_subject || jsonb_build_object('source', coalesce(p_worker_id::text, host(inet_client_addr()), 'local'));
  v_since timestamptz := cowork.now() - interval '1 minute';
  v_of_source integer;
  v_of_all integer;
begin
  select count(*) filter (where r.reason = p_reason and r.subject = v_subject), count(*) into v_of_source, v_of_all from (
    select a.reason, a.subject from cowork.audit a
      where a.org_id is null and a.action = p_action and a.at > v_since limit internal.most_refusals_of_all()) r;
  if v_of_source >= internal.most_refusals_of_source() or v_of_all >= internal.most_refusals_of_all() then
    perform nextval('cowork.refusals_left_out');
    return;
  end if;
  insert into cowork.audit (action, reason, actor_kind, actor_id, subject)
    values (p_action, p_reason, case when p_worker_id is null then 'unknown' else 'worker' end, p_worker_id,
      v_subject);
end $$;
