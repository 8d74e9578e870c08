import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";
import type { Lease } from "./lease.ts";

/** Still sealed: only the private key of the worker's pool opens it. */
export interface SealedSecret {
  secretId: string;
  version: number;
  keyId: string;
  /** Base64. */
  sealed: string;
}

type Refusal =
  | "stale_lease"
  | "lease_ended"
  | "lease_unknown"
  | "worker_not_active"
  | "provider_not_allowed"
  | "secret_not_found";

/** The sealed key of the lease's own organisation for its profile's provider, while it lives and the worker is not paused. */
export async function revealSecret(db: Db, lease: Lease, provider: string): Promise<Outcome<SealedSecret, Refusal>> {
  const { rows } = await sql<VerbRow<SealedSecret>>`
    select * from worker_api_v1.reveal_secret(${lease.token}, ${provider})`.execute(db);
  return toOutcome(rows[0]);
}
