import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** A worker none of whose processes has been heard of is unhealthy: it claims nothing until it is heard again. */
export async function markUnhealthyWorkers(db: Db, unhealthyAfterMs: number): Promise<string[]> {
  const { rows } = await sql<{ workers: string[] }>`
    select to_jsonb(internal.mark_unhealthy(${unhealthyAfterMs}::int)) as workers`.execute(db);
  return rows[0]!.workers;
}
