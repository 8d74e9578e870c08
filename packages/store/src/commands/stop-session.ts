import { newId, type SessionId } from "@open-cowork/contracts/ids";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

export interface Stopped {
  /** Commands that had not started and now never will. */
  cancelled: number;
  /** Whether a running one was told to stop; its worker reports the end. */
  signalled: boolean;
}

/** Stops what a session does and cancels what waits in it. */
export async function stopSession(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
): Promise<Outcome<Stopped, "not_found" | "nothing_to_stop">> {
  const { rows } = await sql<VerbRow<Stopped>>`
    select * from internal.stop_session(${actor.orgId}, ${actor.userId}, ${sessionId}, ${newId()})`.execute(db);
  return toOutcome(rows[0]);
}
