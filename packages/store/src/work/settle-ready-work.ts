import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/**
 * What time does to ready rows: ends preferences that nobody used, lets the lower classes age, and moves the floors that
 * claims start from. Returns how many rows more workers may claim now.
 */
export async function settleReadyWork(db: Db, limit: number): Promise<number> {
  const { rows } = await sql<{ settled: number }>`select internal.settle_ready(${limit}::int) as settled`.execute(db);
  await sql`select internal.raise_floors()`.execute(db);
  return rows[0]!.settled;
}
