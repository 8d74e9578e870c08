import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { refused, type Outcome } from "@open-cowork/contracts/outcome";
import type { Failure } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { fitsABatch, type WriteRefusal } from "./append-events.ts";
import type { Lease } from "./lease.ts";
import { toOutcome, type VerbRow } from "./verb-row.ts";

export type AttemptOutcome =
  | { kind: "succeeded" }
  | { kind: "failed" | "cancelled"; reason: Failure }
  /** Gives the work back unharmed: another attempt follows at once. */
  | { kind: "released"; reason: Failure };

/** Ends an attempt with its last events, atomically. A repeat after a lost answer gets the stored one. */
export async function finishWork(
  db: Db,
  ending: { lease: Lease; batchNo: number; events: readonly RuntimeEvent[]; outcome: AttemptOutcome },
): Promise<Outcome<{ through: number }, WriteRefusal>> {
  if (!fitsABatch(ending.events)) return refused("batch_too_large");
  const reason = ending.outcome.kind === "succeeded" ? null : ending.outcome.reason;
  const { rows } = await sql<VerbRow<{ through: number }>>`
    select * from worker_api_v1.finish(${ending.lease.token}, ${ending.batchNo}::bigint, ${ending.events}::jsonb,
      ${ending.outcome.kind}, ${reason}::text)`.execute(db);
  return toOutcome(rows[0]);
}
