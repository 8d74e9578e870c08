import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface Recovered {
  sessionId: string | null;
  /** `queued`: another attempt follows. `dead`: it was the last one that it was worth. `cancelled`: it was to stop. */
  decision: "queued" | "dead" | "cancelled";
  traceparent: string | null;
}

/** Takes back a bounded batch of expired leases, each in a transaction of its own; a locked lane waits for the next tick. */
export async function recoverExpiredLeases(db: Db, limit: number): Promise<Recovered[]> {
  const expired = await sql<{ lane_id: string; session_id: string | null; traceparent: string | null }>`
    select l.lane_id, l.session_id, w.traceparent from cowork.lanes l join cowork.work w using (work_id)
      where l.work_id is not null and l.lease_expires_at <= cowork.now()
      order by l.lease_expires_at limit ${limit}`.execute(db);
  const recovered: Recovered[] = [];
  for (const lane of expired.rows) {
    const { rows } = await sql<{ ended: Pick<Recovered, "decision"> | null }>`
      select internal.recover_lease(${lane.lane_id}) as ended`.execute(db);
    const ended = rows[0]?.ended;
    if (ended) recovered.push({ sessionId: lane.session_id, decision: ended.decision, traceparent: lane.traceparent });
  }
  return recovered;
}
