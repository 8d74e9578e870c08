import type { BootId } from "@open-cowork/contracts/ids";
import { accepted, type Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import type { Claimed, Lease } from "./lease.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

export interface ClaimRequest {
  credential: string;
  bootId: BootId;
  /** At least 128 random bits that only this process has; lease tokens derive from it, so repeating it after a lost
   * answer gives the same leases. A new request takes a new one. */
  requestSecret: string;
  limit: number;
  ttlMs: number;
}

type ClaimAnswer = Omit<Claimed, "lease"> & Pick<Lease, "workId" | "sessionId" | "attempt" | "token">;

export async function claimWork(
  db: Db,
  request: ClaimRequest,
): Promise<Outcome<Claimed[], "credential_invalid" | "worker_not_active">> {
  const { rows } = await sql<VerbRow<ClaimAnswer[]>>`
    select * from worker_api_v1.claim(${request.credential}, ${request.bootId}, ${request.requestSecret},
      ${request.limit}::int, ${request.ttlMs}::int)`.execute(db);
  const outcome = toOutcome<ClaimAnswer[], "credential_invalid" | "worker_not_active">(rows[0]);
  return outcome.ok ? accepted(outcome.value.map(toClaimed)) : outcome;
}

function toClaimed({ workId, sessionId, attempt, token, ...rest }: ClaimAnswer): Claimed {
  return { lease: { workId, sessionId, attempt, token } as Lease, ...rest };
}
