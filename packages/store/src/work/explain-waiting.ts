import type { WorkId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

/** Why a piece of work is not running; see internal/explain-waiting.sql. */
export interface Waiting {
  reason:
    | "over"
    | "running"
    | "waits_for_person"
    | "behind_in_its_session"
    | "not_due"
    | "over_quota"
    | "no_worker"
    | "about_to_be_promoted"
    | "waits_for_a_free_lane";
  details: Record<string, unknown>;
}

export async function explainWaiting(db: Db, actor: Actor, workId: WorkId): Promise<Waiting | null> {
  const { rows } = await sql<Waiting>`select * from internal.explain_waiting(${actor.orgId}, ${workId})`.execute(db);
  return rows[0] ?? null;
}
