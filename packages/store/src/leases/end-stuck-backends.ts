import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** Ends worker connections whose transaction is older than this: verbs are single calls, so none of theirs ever is. */
export async function endStuckBackends(db: Db, olderThanMs: number): Promise<number> {
  const { rows } = await sql<{
    ended: number;
  }>`select internal.end_stuck_backends(${olderThanMs}::int) as ended`.execute(db);
  return rows[0]!.ended;
}
