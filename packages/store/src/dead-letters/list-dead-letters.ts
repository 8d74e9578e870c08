import type { SessionId, WorkId } from "@open-cowork/contracts/ids";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

export interface DeadLetter {
  workId: WorkId;
  sessionId: SessionId | null;
  text: string;
  /** Why the last attempt failed. */
  reason: string;
  attempts: number;
  diedAt: string;
}

/** Open dead letters, the newest first. */
export function listDeadLetters(db: Db, actor: Actor, limit: number): Promise<DeadLetter[]> {
  return inOrg(db, actor, async (tx) => {
    const rows = await tx
      .selectFrom("cowork.dead_letters as d")
      .innerJoin("cowork.work as w", "w.work_id", "d.work_id")
      .leftJoin("cowork.commands as c", (join) =>
        join.onRef("c.org_id", "=", "w.org_id").onRef("c.command_id", "=", "w.command_id"),
      )
      .select(["d.work_id", "w.session_id", "c.body", "d.reason", "d.attempts", "d.died_at"])
      .where("d.org_id", "=", actor.orgId)
      .where("d.resolution", "is", null)
      .orderBy("d.died_at", "desc")
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      workId: row.work_id as WorkId,
      sessionId: row.session_id as SessionId | null,
      text: (row.body as { text: string } | null)?.text ?? "",
      reason: row.reason,
      attempts: row.attempts,
      diedAt: row.died_at.toISOString(),
    }));
  });
}
