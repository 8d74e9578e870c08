import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";
import type { Lease } from "./lease.ts";

export interface UsageRecord {
  kind: "tokens_in" | "tokens_out" | "worker_ms";
  /** Names this record within its attempt: the same key again counts once, and with another amount is refused. */
  key: string;
  amount: number;
}

type Refusal = "stale_lease" | "lease_ended" | "lease_unknown" | "batch_too_large" | "idempotency_conflict";

export async function recordUsage(
  db: Db,
  lease: Lease,
  records: readonly UsageRecord[],
): Promise<Outcome<object, Refusal>> {
  const { rows } = await sql<VerbRow<object>>`
    select * from worker_api_v1.record_usage(${lease.token}, ${records}::jsonb)`.execute(db);
  return toOutcome(rows[0]);
}
