import type { MessageInfo, Part } from "@open-cowork/contracts/events";
import type { SessionId } from "@open-cowork/contracts/ids";
import { foldEvent, type CommandView, type MessageView, type Transcript } from "@open-cowork/contracts/transcript";
import { sql } from "kysely";
import type { Actor, Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { readDecisions } from "./read-decisions.ts";
import { eventColumns, toEvent } from "./event-rows.ts";

export interface Snapshot {
  /** The position this state stands at: the events after it continue it. */
  through: number;
  transcript: Transcript;
}

/**
 * The state of a session from the read model, without reading its history: commands, messages and parts as they stand,
 * and on top of them the streaming deltas that no final part has superseded yet. One snapshot of the database, so that
 * the position fits the rows.
 */
export function readSnapshot(db: Db, actor: Actor, sessionId: SessionId): Promise<Snapshot | null> {
  return db
    .transaction()
    .setIsolationLevel("repeatable read")
    .execute(async (tx) => {
      await sql`select set_config('cowork.org_id', ${actor.orgId}, true)`.execute(tx);
      const lane = await tx
        .selectFrom("cowork.lanes")
        .select("next_seq")
        .where("org_id", "=", actor.orgId)
        .where("session_id", "=", sessionId)
        .executeTakeFirst();
      if (!lane) return null;
      const settled: Transcript = {
        commands: await readCommands(tx, sessionId),
        messages: await readMessages(tx, sessionId),
        decisions: await readDecisions(tx, sessionId),
      };
      const deltas = await tx
        .selectFrom("cowork.session_events")
        .select(eventColumns)
        .where("session_id", "=", sessionId)
        .where("type", "=", "message.part.delta")
        // A part's newest state holds the deltas before it, or has taken them back.
        .where(
          sql<boolean>`not exists (select from cowork.parts p where p.session_id = session_events.session_id
            and p.message_id = payload ->> 'messageID' and p.part_id = session_events.part_id and p.last_seq > seq)`,
        )
        .orderBy("seq")
        .execute();
      return { through: lane.next_seq - 1, transcript: deltas.map(toEvent).reduce(foldEvent, settled) };
    });
}

async function readCommands(tx: Tx, sessionId: SessionId): Promise<Record<string, CommandView>> {
  const rows = await tx
    .selectFrom("cowork.commands as c")
    .innerJoin("cowork.users as u", "u.user_id", "c.created_by")
    .select([
      "c.command_id",
      "c.command_seq",
      "c.body",
      "c.status",
      "c.attempt",
      "c.reason",
      "c.created_at",
      "u.display_name",
    ])
    .where("c.session_id", "=", sessionId)
    .orderBy("c.command_seq")
    .execute();
  return Object.fromEntries(
    rows.map((row) => {
      const view: CommandView = {
        commandId: row.command_id,
        commandSeq: row.command_seq,
        text: (row.body as { text: string }).text,
        by: row.display_name,
        at: row.created_at.toISOString(),
        status: row.status,
        attempt: row.attempt,
        reason: row.reason,
      };
      return [row.command_id, view];
    }),
  );
}

async function readMessages(tx: Tx, sessionId: SessionId): Promise<Record<string, MessageView>> {
  const rows = await tx
    .selectFrom("cowork.parts")
    .select(["message_id", "part_id", "command_id", "attempt", "last_seq", "body"])
    .where("session_id", "=", sessionId)
    .orderBy("message_id")
    .orderBy("part_id")
    .execute();
  const messages: Record<string, MessageView> = {};
  // Where a message has told nothing of itself, its newest part says whose it is.
  let newest = 0;
  for (const { message_id: id, part_id: partId, command_id: commandId, attempt, last_seq: seq, body } of rows) {
    // part_id '' is the message itself and sorts first; a part may also precede its message.
    if (partId === "") {
      messages[id] = { info: body as MessageInfo, commandId, attempt, parts: {} };
      continue;
    }
    const part = body as Part;
    const known = messages[id];
    if (!known || (known.unannounced && seq > newest)) {
      newest = seq;
      const info = { id, sessionID: part.sessionID };
      messages[id] = { info, commandId, attempt, parts: known?.parts ?? {}, unannounced: true };
    }
    messages[id]!.parts[partId] = part;
  }
  return messages;
}
