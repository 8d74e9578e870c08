import type { WorkerHeartbeat } from "@open-cowork/contracts/http";
import type { WorkerId } from "@open-cowork/contracts/ids";
import type { WorkerStatus } from "@open-cowork/contracts/lifecycles";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

/** A process reports itself. The HTTP endpoint calls it too: one verb, two doors. */
export async function heartbeat(
  db: Db,
  report: { workerId: WorkerId; credential: string; body: WorkerHeartbeat },
): Promise<
  Outcome<
    { status: WorkerStatus },
    "credential_invalid" | "heartbeat_out_of_order" | "boot_id_taken" | "batch_too_large"
  >
> {
  const { rows } = await sql<VerbRow<{ status: WorkerStatus }>>`
    select * from worker_api_v1.heartbeat(${report.workerId}, ${report.credential}, ${report.body}::jsonb)`.execute(db);
  return toOutcome(rows[0]);
}
