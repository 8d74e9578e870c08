import type { WorkId } from "@open-cowork/contracts/ids";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

type Refusal = "not_found" | "not_dead" | "session_not_open" | "queue_full" | "quota_exceeded";

/** Another life at the end of its session's queue, with the text as it was or a better one. */
export async function retryDeadLetter(
  db: Db,
  actor: Actor,
  workId: WorkId,
  text: string | null,
): Promise<Outcome<null, Refusal>> {
  const { rows } = await sql<{ reason: Refusal | null }>`
    select internal.retry_dead_letter(${actor.orgId}, ${actor.userId}, ${workId}, ${text},
      ${limits.waitingPromptsPerSession}::int) as reason`.execute(db);
  return rows[0]!.reason === null ? accepted(null) : refused(rows[0]!.reason);
}

/** Closes it: what failed stays failed. */
export async function dropDeadLetter(
  db: Db,
  actor: Actor,
  workId: WorkId,
): Promise<Outcome<null, "not_found" | "not_dead">> {
  const { rows } = await sql<{ reason: "not_found" | "not_dead" | null }>`
    select internal.drop_dead_letter(${actor.orgId}, ${actor.userId}, ${workId}) as reason`.execute(db);
  return rows[0]!.reason === null ? accepted(null) : refused(rows[0]!.reason);
}
