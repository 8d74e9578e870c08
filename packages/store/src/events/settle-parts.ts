import type { Part, SessionEvent } from "@open-cowork/contracts/events";
import { emptyTranscript, foldEvent } from "@open-cowork/contracts/transcript";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toEvent } from "./event-rows.ts";

interface Leftover {
  session_id: string;
  message_id: string;
  part_id: string;
  last_seq: number | null;
  body: Part | null;
  deltas: Array<{ seq: number; payload: unknown }>;
}

/**
 * Folds streaming deltas that ended attempts left behind, since no final state of their part will come to supersede them.
 * Here and not in SQL, because offsets count as JavaScript does, and one fold defines the read model. Returns how many
 * deltas are gone.
 */
export async function settleParts(db: Db, most: number): Promise<number> {
  const { rows } = await sql<Leftover>`
    select d.session_id, d.message_id, d.part_id, p.last_seq, p.body, d.deltas
      from (
        select e.session_id, e.payload ->> 'messageID' as message_id, e.part_id,
            jsonb_agg(jsonb_build_object('seq', e.seq, 'payload', e.payload) order by e.seq) as deltas
          from cowork.session_events e join cowork.lanes l on l.session_id = e.session_id
          where e.type = 'message.part.delta'
            and (l.work_id is null or (l.command_id, l.attempt) is distinct from (e.command_id, e.attempt))
          group by 1, 2, 3 limit ${most}::int) d
        left join cowork.parts p using (session_id, message_id, part_id)`.execute(db);
  let settled = 0;
  for (const left of rows) {
    const seqs = left.deltas.map((delta) => delta.seq);
    const { rows: answers } = await sql<{ done: boolean }>`
      select internal.settle_part(${left.session_id}, ${left.message_id}, ${left.part_id}, ${left.last_seq}::bigint,
        ${seqs}::jsonb, ${foldLeftover(left)}::jsonb) as done`.execute(db);
    if (answers[0]!.done) settled += seqs.length;
  }
  return settled;
}

/** What the part is after them; null when they change nothing. */
function foldLeftover({ message_id: id, part_id: partId, body, last_seq, deltas }: Leftover): Part | null {
  if (body === null) return null;
  const message = {
    info: { id, sessionID: body.sessionID },
    commandId: null,
    attempt: null,
    parts: { [partId]: body },
  };
  const before = { ...emptyTranscript, messages: { [id]: message } };
  const events: SessionEvent[] = deltas
    .filter((delta) => delta.seq > (last_seq ?? 0))
    .map(({ seq, payload }) =>
      toEvent({ seq, type: "message.part.delta", payload, attempt: null, command_id: null, at: new Date(0) }),
    );
  const after = events.reduce(foldEvent, before).messages[id]!.parts[partId]!;
  return after === body ? null : after;
}
