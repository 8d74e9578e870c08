import type { SessionId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** Ends asks whose time ran out, one row per ask: the sessions whose holders and watchers have news. */
export async function expireDecisions(db: Db, limit: number): Promise<SessionId[]> {
  const { rows } = await sql<{ session_id: SessionId }>`
    select session_id from internal.expire_decisions(${limit}::int)`.execute(db);
  return rows.map((row) => row.session_id);
}
