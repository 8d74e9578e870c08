import { newId, type SessionId } from "@open-cowork/contracts/ids";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { stateFact } from "../events/state-fact.ts";

export interface Stopped {
  /** Commands that had not started and now never will. */
  cancelled: number;
  /** Whether a running one was told to stop; its worker reports the end. */
  signalled: boolean;
}

/** Stops what a session does and cancels what waits in it. */
export function stopSession(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
): Promise<Outcome<Stopped, "not_found" | "nothing_to_stop">> {
  return inOrg(db, actor, async (tx) => {
    const lane = await tx
      .selectFrom("cowork.lanes as l")
      .select(["l.lane_id", "l.work_id"])
      .where("l.org_id", "=", actor.orgId)
      .where("l.session_id", "=", sessionId)
      .forNoKeyUpdate()
      .executeTakeFirst();
    if (!lane) return refused("not_found");

    const cancelled = await tx
      .updateTable("cowork.work")
      .set({ status: "cancelled", reason: "stopped_by_person" })
      .where("lane_id", "=", lane.lane_id)
      .where("status", "in", ["queued", "ready"])
      .returning("command_id")
      .execute();
    for (const { command_id: commandId } of cancelled) {
      if (!commandId) continue;
      await sql`update cowork.commands set status = 'cancelled', reason = 'stopped_by_person', ended_at = cowork.now()
        where org_id = ${actor.orgId} and command_id = ${commandId}`.execute(tx);
      const payload = { commandId, reason: "stopped_by_person" };
      await stateFact(tx, { laneId: lane.lane_id, type: "command.cancelled", attempt: null, commandId, payload });
    }
    if (lane.work_id) {
      await tx
        .insertInto("cowork.signals")
        .values({
          signal_id: newId(),
          org_id: actor.orgId,
          session_id: sessionId,
          work_id: lane.work_id,
          kind: "stop",
          created_by: actor.userId,
        })
        .onConflict((conflict) => conflict.columns(["work_id", "kind"]).doNothing())
        .execute();
    }
    if (cancelled.length === 0 && !lane.work_id) return refused("nothing_to_stop");
    return accepted({ cancelled: cancelled.length, signalled: lane.work_id !== null });
  });
}
