import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface Recovered {
  sessionId: string | null;
  /** `queued`: another attempt follows. `dead`: it was the last one that it was worth. `cancelled`: it was to stop. */
  decision: "queued" | "dead" | "cancelled";
  traceparent: string | null;
}

/**
 * Takes back a bounded batch of leases that expired or whose worker was revoked, each in a transaction of its own. A locked
 * lane waits for the next tick, and so do the other lanes of an organisation whose row somebody sits on.
 */
export async function recoverExpiredLeases(db: Db, limit: number): Promise<Recovered[]> {
  const over = await sql<{ lane_id: string; org_id: string; session_id: string | null; traceparent: string | null }>`
    select l.lane_id, l.org_id, l.session_id, w.traceparent from cowork.lanes l join cowork.work w using (work_id)
      where l.work_id is not null and (l.lease_expires_at <= cowork.now()
        or l.worker_id in (select r.worker_id from cowork.workers r where r.status = 'revoked'))
      order by l.lease_expires_at limit ${limit}`.execute(db);
  const recovered: Recovered[] = [];
  const busy = new Set<string>();
  for (const lane of over.rows) {
    if (busy.has(lane.org_id)) continue;
    const { rows } = await sql<{ ended: { decision: Recovered["decision"] | "busy" } | null }>`
      select internal.recover_lease(${lane.lane_id}) as ended`.execute(db);
    const decision = rows[0]?.ended?.decision;
    if (decision === "busy") busy.add(lane.org_id);
    else if (decision) recovered.push({ sessionId: lane.session_id, decision, traceparent: lane.traceparent });
  }
  return recovered;
}
