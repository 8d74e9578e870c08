import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";
import type { Lease } from "./lease.ts";

export interface ArtifactRecord {
  artifactId: string;
  name: string;
  contentType: string;
  /** Derived from session, id and checksum, see object-keys.sql. */
  objectKey: string;
  sha256: string;
  sizeBytes: number;
}

type Refusal = "stale_lease" | "lease_ended" | "lease_unknown" | "object_key_not_allowed" | "idempotency_conflict";

/** Makes an uploaded file visible. The same artifact again answers the same; its id with other content is refused. */
export async function recordArtifact(
  db: Db,
  lease: Lease,
  artifact: ArtifactRecord,
): Promise<Outcome<{ artifactId: string }, Refusal>> {
  const { rows } = await sql<VerbRow<{ artifactId: string }>>`
    select * from worker_api_v1.record_artifact(${lease.token}, ${artifact}::jsonb)`.execute(db);
  return toOutcome(rows[0]);
}
