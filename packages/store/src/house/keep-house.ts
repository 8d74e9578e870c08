import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** How long what nobody asks for any more is kept. */
export interface Retention {
  feedHours: number;
  incarnationDays: number;
  signInDays: number;
  heartbeatMonths: number;
  usageMonths: number;
  auditMonths: number;
}

export interface Removed {
  kind: string;
  removed: number;
}

const hourMs = 3_600_000;

/** Removes what has had its time, so many rows of each kind. */
export async function keepHouse(db: Db, retention: Retention, most: number): Promise<Removed[]> {
  const { feedHours, incarnationDays, signInDays } = retention;
  const { rows } = await sql<Removed>`
    select * from internal.keep_house(${feedHours * hourMs}::bigint, ${incarnationDays * 24 * hourMs}::bigint,
      ${signInDays * 24 * hourMs}::bigint, ${most}::int)`.execute(db);
  return rows;
}

/** Makes the partitions of the months ahead and drops those whose months have had their time. Returns what it dropped. */
export async function keepPartitions(db: Db, retention: Retention): Promise<string[]> {
  const { rows } = await sql<{ dropped: string[] }>`
    select to_jsonb(cowork.keep_partitions(${retention.heartbeatMonths}::int, ${retention.usageMonths}::int,
      ${retention.auditMonths}::int)) as dropped`.execute(db);
  return rows[0]!.dropped;
}

/** Ends leases of work that has run longer than it may, see caps.sql: alone, an attempt that renews would never end. */
export async function endOvertime(db: Db, most: number): Promise<number> {
  const { rows } = await sql<{ ended: number }>`select internal.end_overtime(${most}::int) as ended`.execute(db);
  return rows[0]!.ended;
}
