import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface Promoted {
  promoted: number;
  /** Rows that enqueue or finish should have promoted: a defect elsewhere, counted. */
  missed: number;
}

/** Promotes work whose time has come, such as a retry after its pause. */
export async function promoteDueWork(db: Db, limit: number): Promise<Promoted> {
  const { rows } = await sql<Promoted>`select * from internal.promote_due(${limit}::int)`.execute(db);
  return rows[0]!;
}
