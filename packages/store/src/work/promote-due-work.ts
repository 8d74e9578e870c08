import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface Promoted {
  count: number;
  /** Rows that were due long enough for enqueue or finish to have promoted them: a defect elsewhere, counted. */
  missed: number;
}

/**
 * Promotes work whose time has come. Enqueue and finish promote what is due at once; this finds what had to wait, such
 * as a retry after its pause. A row that was due for over a second before the tick saw it was missed by somebody.
 */
export async function promoteDueWork(db: Db, limit: number): Promise<Promoted> {
  const due = await sql<{ lane_id: string; waited: boolean }>`
    select w.lane_id, w.strikes > 0 as waited from cowork.work w
      join cowork.lanes l using (lane_id)
      where w.status = 'queued' and w.available_at <= cowork.now() and l.work_id is null
        and not exists (select from cowork.work earlier where earlier.lane_id = w.lane_id
          and earlier.status in ('queued', 'ready', 'leased', 'parked') and earlier.position < w.position)
      order by w.available_at limit ${limit}`.execute(db);
  let count = 0;
  let missed = 0;
  for (const row of due.rows) {
    const promoted = await db.transaction().execute(async (tx) => {
      // Lock first, look after: the lane may be moving right now.
      const lane =
        await sql`select from cowork.lanes where lane_id = ${row.lane_id} for no key update skip locked`.execute(tx);
      if (lane.rows.length === 0) return false;
      const { rows } = await sql<{
        promoted: boolean;
      }>`select internal.promote_lane(${row.lane_id}) as promoted`.execute(tx);
      return rows[0]!.promoted;
    });
    if (!promoted) continue;
    count += 1;
    if (!row.waited) missed += 1;
  }
  return { count, missed };
}
