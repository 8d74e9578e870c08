import type { OrgId, UserId } from "@open-cowork/contracts/ids";
import { sql, type Transaction } from "kysely";
import type { Db } from "./open.ts";
import type { Schema } from "./schema.ts";

export type Tx = Transaction<Schema>;

/** In whose name the door acts. */
export interface Actor {
  orgId: OrgId;
  userId: UserId;
}

/** Runs `work` in a transaction that row-level security confines to one organisation. */
export function inOrg<T>(db: Db, actor: Actor, work: (tx: Tx) => Promise<T>): Promise<T> {
  return db.transaction().execute(async (tx) => {
    await sql`select set_config('cowork.org_id', ${actor.orgId}, true)`.execute(tx);
    return work(tx);
  });
}
