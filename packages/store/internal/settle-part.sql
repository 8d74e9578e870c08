-- Makes one event of the streaming deltas that an attempt left behind when it ended in the middle of a part: the last of
-- them becomes the state that all of them folded to, the others go. A reader at any position still folds to the same. The
-- text was folded by whoever calls; nothing happens when any of it moved meanwhile, or when the attempt still lives.
create or replace function internal.settle_part(p_session_id uuid, p_message_id text, p_part_id text, p_last_seq bigint, p_seqs jsonb,
  p_body jsonb)
returns boolean
language plpgsql volatile security definer set search_path = pg_catalog, pg_temp as $$
declare
  v_lane cowork.lanes;
  v_last cowork.session_events;
  v_seqs bigint[] := array(select s::bigint from jsonb_array_elements_text(p_seqs) s order by 1);
begin
  select l.* into v_lane from cowork.lanes l where l.session_id = p_session_id for no key update skip locked;
  if not found then
    return false;
  end if;
  if v_seqs is distinct from (
      select array_agg(d.seq::bigint order by d.seq) from cowork.session_events d
        where d.session_id = p_session_id and d.part_id = p_part_id and d.type = 'message.part.delta'
          and d.payload ->> 'messageID' = p_message_id)
    or exists (
      select from cowork.session_events d where d.session_id = p_session_id and d.seq = any (v_seqs)
        and v_lane.work_id is not null and d.command_id is not distinct from v_lane.command_id and d.attempt = v_lane.attempt)
    or p_last_seq is distinct from (
      select p.last_seq from cowork.parts p
        where p.session_id = p_session_id and p.message_id = p_message_id and p.part_id = p_part_id)
  then
    return false;
  end if;
  select d.* into v_last from cowork.session_events d where d.session_id = p_session_id and d.seq = v_seqs[cardinality(v_seqs)];
  delete from cowork.session_events d where d.session_id = p_session_id and d.seq = any (v_seqs);
  -- Null: they changed nothing, because their part is final, taken back or unknown.
  if p_body is not null then
    insert into cowork.session_events (session_id, seq, org_id, type, part_id, payload, attempt, command_id, at)
      values (p_session_id, v_last.seq, v_last.org_id, 'message.part.updated', p_part_id, jsonb_build_object('part', p_body),
        v_last.attempt, v_last.command_id, v_last.at);
    update cowork.parts p set body = p_body, last_seq = v_last.seq
      where p.session_id = p_session_id and p.message_id = p_message_id and p.part_id = p_part_id;
  end if;
  return true;
end $$;
grant execute on function internal.settle_part(uuid, text, text, bigint, jsonb, jsonb) to cowork_scheduler;
