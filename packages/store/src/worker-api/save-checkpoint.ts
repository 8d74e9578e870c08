import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";
import type { Lease } from "./lease.ts";

export interface CheckpointRecord {
  schemaVersion: number;
  /** Derived from session and checksum, see object-keys.sql. */
  manifestKey: string;
  manifestSha256: string;
  sizeBytes: number;
  packs: Array<{ sha256: string; objectKey: string; sizeBytes: number }>;
}

type Refusal =
  | "stale_lease"
  | "lease_ended"
  | "lease_unknown"
  | "object_key_not_allowed"
  | "batch_too_large"
  | "idempotency_conflict";

/** Makes a stored checkpoint the session's newest. The same manifest again answers the same; with other packs or another size it is refused. */
export async function saveCheckpoint(
  db: Db,
  lease: Lease,
  checkpoint: CheckpointRecord,
): Promise<Outcome<{ version: number }, Refusal>> {
  const { rows } = await sql<VerbRow<{ version: number }>>`
    select * from worker_api_v1.save_checkpoint(${lease.token}, ${checkpoint}::jsonb)`.execute(db);
  return toOutcome(rows[0]);
}
