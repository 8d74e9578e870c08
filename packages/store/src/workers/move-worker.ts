import type { UserId, WorkerId } from "@open-cowork/contracts/ids";
import type { WorkerStatus } from "@open-cowork/contracts/lifecycles";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

/** Moves a worker through its lifecycle in a person's name. Revoking ends all its leases at once. */
export async function moveWorker(
  db: Db,
  userId: UserId,
  workerId: WorkerId,
  to: WorkerStatus,
): Promise<Outcome<{ leasesEnded: number }, "not_found" | "worker_transition_not_allowed">> {
  const { rows } = await sql<VerbRow<{ leasesEnded: number }>>`
    select * from internal.move_worker(${userId}, ${workerId}, ${to})`.execute(db);
  return toOutcome(rows[0]);
}
