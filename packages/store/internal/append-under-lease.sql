-- Appends a batch of runtime events to a session whose lane the caller has locked and fenced, and keeps the `parts`
-- read model in step, in the same transaction. Returns the newest seq.
create or replace function internal.append_under_lease(p_lane cowork.lanes, p_events jsonb) returns bigint
language plpgsql volatile security definer set search_path = pg_catalog as $$
declare
  v_count integer := jsonb_array_length(p_events);
  v_now timestamptz := cowork.now();
begin
  if v_count = 0 then
    return p_lane.next_seq - 1;
  end if;
  if exists (
    select from jsonb_array_elements(p_events) e
      left join cowork.event_types t on t.type = e ->> 'type' and t.producer = 'runtime'
      where t.type is null
  ) then
    raise exception 'a worker may append runtime events only' using errcode = '22023';
  end if;

  insert into cowork.session_events (session_id, seq, org_id, type, part_id, payload, attempt, command_id, at)
    select p_lane.session_id, p_lane.next_seq + e.n - 1, p_lane.org_id, e.value ->> 'type',
      coalesce(e.value -> 'payload' ->> 'partID', e.value -> 'payload' -> 'part' ->> 'id'),
      e.value -> 'payload', p_lane.attempt, p_lane.command_id, v_now
    from jsonb_array_elements(p_events) with ordinality e (value, n);

  insert into cowork.parts as p (session_id, message_id, part_id, org_id, command_id, attempt, last_seq, body)
    select distinct on (e.message_id, e.part_id)
      p_lane.session_id, e.message_id, e.part_id, p_lane.org_id, p_lane.command_id, p_lane.attempt, e.seq, e.body
    from (
      select p_lane.next_seq + v.n - 1 as seq,
        case v.value ->> 'type' when 'message.updated' then v.value -> 'payload' -> 'info' ->> 'id'
          else v.value -> 'payload' -> 'part' ->> 'messageID' end as message_id,
        case v.value ->> 'type' when 'message.updated' then '' else v.value -> 'payload' -> 'part' ->> 'id' end as part_id,
        case v.value ->> 'type' when 'message.updated' then v.value -> 'payload' -> 'info'
          else v.value -> 'payload' -> 'part' end as body
      from jsonb_array_elements(p_events) with ordinality v (value, n)
      where v.value ->> 'type' in ('message.updated', 'message.part.updated')
    ) e
    order by e.message_id, e.part_id, e.seq desc
    on conflict (session_id, message_id, part_id) do update
      set body = excluded.body, last_seq = excluded.last_seq, command_id = excluded.command_id, attempt = excluded.attempt;

  -- Every newer state of a part that has its end supersedes the deltas that led to it.
  delete from cowork.session_events d
    using jsonb_array_elements(p_events) e
    where e ->> 'type' = 'message.part.updated' and e #>> '{payload,part,time,end}' is not null
      and d.session_id = p_lane.session_id and d.part_id = e #>> '{payload,part,id}' and d.type = 'message.part.delta';

  return p_lane.next_seq + v_count - 1;
end $$;
