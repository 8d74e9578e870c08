import { isDeepStrictEqual } from "node:util";
import type { SessionEvent } from "@open-cowork/contracts/events";
import type { OrgId, SessionId, UserId } from "@open-cowork/contracts/ids";
import { emptyTranscript, foldEvent } from "@open-cowork/contracts/transcript";
import { sql } from "kysely";
import type { Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { eventColumns, toEvent } from "./event-rows.ts";
import { readSnapshot } from "./read-snapshot.ts";

export interface Repair {
  /** `message/part` of each row that was not what the events make it; a message itself has no part. */
  wrong: string[];
  /** Whether what a reader is given now equals the fold of all events. Commands are never written here, only compared. */
  agrees: boolean;
}

interface PartRow {
  message_id: string;
  part_id: string;
  command_id: string | null;
  attempt: number | null;
  last_seq: number;
  body: unknown;
}

const eventsPerPage = 1_000;

/**
 * Makes the rows of one session's read model again from its events, with the fold that defines it. For an operator, as the
 * owner: no service may write these rows otherwise than with the events themselves. The lane's lock keeps a worker's next
 * batch waiting meanwhile. `write: false` only looks. Null: there is no such session.
 */
export async function repairReadModel(
  owner: Db,
  sessionId: SessionId,
  { write }: { write: boolean },
): Promise<Repair | null> {
  const repaired = await owner.transaction().execute(async (tx) => {
    const { rows: lanes } = await sql<{ org_id: OrgId }>`
      select org_id from cowork.lanes where session_id = ${sessionId} for no key update`.execute(tx);
    if (!lanes[0]) return null;
    const orgId = lanes[0].org_id;
    const expected = await partsOf(eventsOf(tx, sessionId, Infinity));
    const found = await readParts(tx, sessionId);
    const wrong = [...new Set([...expected.keys(), ...found.keys()])]
      .filter((key) => !isDeepStrictEqual(expected.get(key), found.get(key)))
      .sort();
    if (write)
      for (const key of wrong) await putPart(tx, { orgId, sessionId, row: expected.get(key), before: found.get(key) });
    return { orgId, wrong };
  });
  if (!repaired) return null;
  const nobody = { orgId: repaired.orgId, userId: "" as UserId };
  const { through, transcript } = (await readSnapshot(owner, nobody, sessionId))!;
  const agrees = await owner.transaction().execute(async (tx) => {
    let folded = emptyTranscript;
    for await (const event of eventsOf(tx, sessionId, through)) folded = foldEvent(folded, event);
    return isDeepStrictEqual(folded, transcript);
  });
  return { wrong: repaired.wrong, agrees };
}

/** The newest state of each message and part. Deltas are no part of it: readers fold those on top. */
async function partsOf(events: AsyncIterable<SessionEvent>): Promise<Map<string, PartRow>> {
  const rows = new Map<string, PartRow>();
  let state = emptyTranscript;
  for await (const event of events) {
    if (event.type !== "message.updated" && event.type !== "message.part.updated") continue;
    state = foldEvent(state, event);
    const isPart = event.type === "message.part.updated";
    const id = isPart ? event.payload.part.messageID : event.payload.info.id;
    const partId = isPart ? event.payload.part.id : "";
    const message = state.messages[id]!;
    rows.set(`${id}/${partId}`, {
      message_id: id,
      part_id: partId,
      command_id: event.commandId,
      attempt: event.attempt,
      last_seq: event.seq,
      body: isPart ? message.parts[partId] : message.info,
    });
  }
  return rows;
}

async function* eventsOf(tx: Tx, sessionId: SessionId, through: number): AsyncGenerator<SessionEvent> {
  for (let after = 0; ;) {
    const rows = await tx
      .selectFrom("cowork.session_events")
      .select(eventColumns)
      .where("session_id", "=", sessionId)
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(eventsPerPage)
      .execute();
    for (const row of rows) if (row.seq <= through) yield toEvent(row);
    const last = rows.at(-1);
    if (!last || rows.length < eventsPerPage || last.seq >= through) return;
    after = last.seq;
  }
}

async function readParts(tx: Tx, sessionId: SessionId): Promise<Map<string, PartRow>> {
  const rows = await tx
    .selectFrom("cowork.parts")
    .select(["message_id", "part_id", "command_id", "attempt", "last_seq", "body"])
    .where("session_id", "=", sessionId)
    .execute();
  return new Map(rows.map((row) => [`${row.message_id}/${row.part_id}`, { ...row }]));
}

interface Change {
  orgId: OrgId;
  sessionId: SessionId;
  row: PartRow | undefined;
  before: PartRow | undefined;
}

async function putPart(tx: Tx, { orgId, sessionId, row, before }: Change): Promise<void> {
  if (before)
    await sql`delete from cowork.parts where session_id = ${sessionId} and message_id = ${before.message_id}
      and part_id = ${before.part_id}`.execute(tx);
  if (row)
    await sql`insert into cowork.parts (session_id, message_id, part_id, org_id, command_id, attempt, last_seq, body)
      values (${sessionId}, ${row.message_id}, ${row.part_id}, ${orgId}, ${row.command_id}, ${row.attempt}, ${row.last_seq},
        ${row.body}::jsonb)`.execute(tx);
}
