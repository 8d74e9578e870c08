import { newId, type CommandId, type SessionId, type WorkId } from "@open-cowork/contracts/ids";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import { inOrg, type Actor, type Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { stateFact } from "../events/state-fact.ts";

export interface Enqueued {
  commandId: CommandId;
  commandSeq: number;
}

export interface Prompt {
  text: string;
  traceparent: string | null;
}

type Refusal = "not_found" | "session_not_open" | "queue_full";

/** Makes a prompt durable: when this resolves, the wish survives anything. */
export function enqueuePrompt(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
  prompt: Prompt,
): Promise<Outcome<Enqueued, Refusal>> {
  return inOrg(db, actor, (tx) => enqueuePromptIn(tx, actor, sessionId, prompt));
}

/** The same inside a transaction that already runs. The lane is locked first, and looked at in later statements. */
export async function enqueuePromptIn(
  tx: Tx,
  actor: Actor,
  sessionId: SessionId,
  prompt: Prompt,
): Promise<Outcome<Enqueued, Refusal>> {
  const lane = await tx
    .selectFrom("cowork.lanes as l")
    .select(["l.lane_id", "l.next_command_seq"])
    .where("l.org_id", "=", actor.orgId)
    .where("l.session_id", "=", sessionId)
    .forNoKeyUpdate()
    .executeTakeFirst();
  if (!lane) return refused("not_found");
  const session = await tx
    .selectFrom("cowork.sessions as s")
    .innerJoin("cowork.profiles as p", (join) =>
      join.onRef("p.org_id", "=", "s.org_id").onRef("p.profile_id", "=", "s.profile_id"),
    )
    .select((eb) => [
      "s.status",
      "p.pool_id",
      eb
        .selectFrom("cowork.commands as c")
        .select(eb.fn.countAll<number>().as("waiting"))
        .whereRef("c.session_id", "=", "s.session_id")
        .where("c.status", "=", "waiting")
        .as("waiting"),
      // One instant for the row and for its fact, so that read model and fold agree to the letter.
      sql<Date>`cowork.now()`.as("now"),
    ])
    .where("s.org_id", "=", actor.orgId)
    .where("s.session_id", "=", sessionId)
    .executeTakeFirstOrThrow();
  if (session.status !== "open") return refused("session_not_open");
  if ((session.waiting ?? 0) >= limits.waitingPromptsPerSession) return refused("queue_full");

  const commandId = newId<"command">();
  const commandSeq = lane.next_command_seq;
  await tx
    .insertInto("cowork.commands")
    .values({
      org_id: actor.orgId,
      command_id: commandId,
      session_id: sessionId,
      command_seq: commandSeq,
      kind: "prompt",
      body: { text: prompt.text },
      created_by: actor.userId,
      created_at: session.now,
    })
    .execute();
  await tx
    .updateTable("cowork.lanes")
    .set({ next_command_seq: commandSeq + 1 })
    .where("lane_id", "=", lane.lane_id)
    .execute();
  await tx
    .insertInto("cowork.work")
    .values({
      org_id: actor.orgId,
      work_id: newId<"work">() satisfies WorkId,
      lane_id: lane.lane_id,
      session_id: sessionId,
      command_id: commandId,
      work_type: "session_command",
      pool_id: session.pool_id,
      status: "queued",
      position: commandSeq,
      traceparent: prompt.traceparent,
    })
    .execute();
  const by = await tx
    .selectFrom("cowork.users")
    .select("display_name")
    .where("user_id", "=", actor.userId)
    .executeTakeFirstOrThrow();
  await stateFact(tx, {
    laneId: lane.lane_id,
    type: "command.accepted",
    attempt: null,
    commandId,
    payload: { commandId, commandSeq, text: prompt.text, by: by.display_name },
    at: session.now,
  });
  await sql`update cowork.sessions set updated_at = cowork.now() where org_id = ${actor.orgId} and session_id = ${sessionId}`.execute(
    tx,
  );
  await sql`select internal.promote_lane(${lane.lane_id})`.execute(tx);
  return accepted({ commandId, commandSeq });
}
