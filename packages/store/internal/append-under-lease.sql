-- Appends a batch of runtime events to each of several sessions whose lanes the caller has locked and fenced, and keeps
-- the `parts` read model in step, in the same transaction. One statement for all of them: what a statement costs before
-- its first row (constraints read, indexes opened, triggers set up) is several times what its rows do. Seqs begin at each
-- lane's next_seq, as the caller holds it; moving that on is the caller's, who has more to write to the lane.
--
-- `(select …)` around an array, here and elsewhere, keeps the planner from counting it: otherwise it finds a plan for just
-- so many worth making anew at each call, and that costs as much as the rest.
create or replace function internal.append_under_leases(p_lanes cowork.lanes[], p_events jsonb[]) returns void
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_now timestamptz := cowork.now();
  v_types text[];
  v_malformed boolean;
  v_asks boolean;
  v_sessions uuid[];
  v_ended text[];
begin
  select array_agg(t.type) into v_types from cowork.event_types t where t.producer = 'runtime';
  with e as materialized (
    select x.*, coalesce(x.type = any (v_types), false) as known,
        case x.type when 'message.updated' then x.payload -> 'info' when 'message.part.updated' then x.payload -> 'part' end as body
      from (
        select l.session_id, l.org_id, l.attempt, l.command_id, l.next_seq + v.n - 1 as seq, v.value ->> 'type' as type, v.value -> 'payload' as payload
          from rows from (unnest((select p_lanes)), unnest((select p_events))) l cross join lateral jsonb_array_elements(l.unnest) with ordinality v (value, n)) x
  ), appended as (
    insert into cowork.session_events (session_id, seq, org_id, type, part_id, payload, attempt, command_id, at)
      select e.session_id, e.seq, e.org_id, e.type, coalesce(e.payload ->> 'partID', e.payload -> 'part' ->> 'id'),
          e.payload, e.attempt, e.command_id, v_now
        from e where e.known
  ), projected as (
    insert into cowork.parts as p (session_id, message_id, part_id, org_id, command_id, attempt, last_seq, body)
      select distinct on (b.session_id, b.message_id, b.part_id)
          b.session_id, b.message_id, b.part_id, b.org_id, b.command_id, b.attempt, b.seq, b.body
        from (
          select e.*, case e.type when 'message.updated' then e.body ->> 'id' else e.body ->> 'messageID' end as message_id,
              case e.type when 'message.updated' then '' else e.body ->> 'id' end as part_id
            from e where e.type in ('message.updated', 'message.part.updated')) b
        order by b.session_id, b.message_id, b.part_id, b.seq desc
      on conflict (session_id, message_id, part_id) do update
        set body = excluded.body, last_seq = excluded.last_seq, command_id = excluded.command_id, attempt = excluded.attempt
  )
  select bool_or(not e.known), bool_or(e.type like any ('{permission.%,question.%}')), array_agg(e.session_id) filter (where e.body #>> '{time,end}' is not null and e.type = 'message.part.updated'),
      array_agg(e.body ->> 'id') filter (where e.body #>> '{time,end}' is not null and e.type = 'message.part.updated')
    into v_malformed, v_asks, v_sessions, v_ended from e;
  if v_malformed then
    raise exception 'a worker may append runtime events only' using errcode = '22023';
  end if;

  if v_asks then
    perform internal.record_asks(p_lanes, p_events, v_now);
  end if;

  -- Every newer state of a part that has its end supersedes the deltas that led to it.
  if v_sessions is not null then
    -- By place, found part by part: a join would be free to read the deltas of all sessions.
    delete from cowork.session_events e where e.ctid = any (array(
      select f.ctid from unnest((select v_sessions), (select v_ended)) u (session_id, part_id) cross join lateral (
        select d.ctid from cowork.session_events d
          where d.session_id = u.session_id and d.part_id = u.part_id and d.type = 'message.part.delta' offset 0) f));
  end if;
end $$;
