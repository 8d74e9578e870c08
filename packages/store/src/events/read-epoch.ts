import type { Db } from "../database/open.ts";

/** Which life of this database it is; a restore begins a new one, and every older cursor is worth nothing. */
export async function readEpoch(db: Db): Promise<string> {
  const row = await db.selectFrom("cowork.plane").select("epoch").executeTakeFirstOrThrow();
  return row.epoch;
}
