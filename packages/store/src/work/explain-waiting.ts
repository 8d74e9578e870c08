import type { SessionId, WorkId } from "@open-cowork/contracts/ids";
import type { WaitingReason } from "@open-cowork/contracts/waiting";
import { sql } from "kysely";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

/** Why a piece of work is not running; see internal/explain-waiting.sql. */
export interface Waiting {
  reason: WaitingReason;
  details: Record<string, unknown>;
}

export async function explainWaiting(db: Db, actor: Actor, workId: WorkId): Promise<Waiting | null> {
  const { rows } = await sql<Waiting>`select * from internal.explain_waiting(${actor.orgId}, ${workId})`.execute(db);
  return rows[0] ?? null;
}

/** The same of what a session would do next; null when it has nothing to do. */
export function explainSession(db: Db, actor: Actor, sessionId: SessionId): Promise<Waiting | null> {
  return inOrg(db, actor, async (tx) => {
    const { rows } = await sql<Waiting>`
    select e.reason, e.details from cowork.lanes l
      cross join lateral (
        select w.work_id from cowork.work w
          where w.lane_id = l.lane_id and w.status in ('queued', 'ready', 'leased', 'parked') order by w.position limit 1) w
      cross join lateral internal.explain_waiting(l.org_id, w.work_id) e
      where l.org_id = ${actor.orgId} and l.session_id = ${sessionId}`.execute(tx);
    return rows[0] ?? null;
  });
}
