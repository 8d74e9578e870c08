import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import type { Lease, Signal } from "./lease.ts";
import { inInputOrder, type VerbRow } from "../database/verb-row.ts";

export type RenewRefusal = "stale_lease" | "lease_ended" | "lease_unknown" | "worker_not_active";

/** One answer per lease, in their order. */
export async function renewLeases(
  db: Db,
  request: { leases: readonly Lease[]; ttlMs: number },
): Promise<Array<Outcome<{ signals: Signal[] }, RenewRefusal>>> {
  if (request.leases.length === 0) return [];
  const tokens = request.leases.map((lease) => lease.token).join(",");
  const { rows } = await sql<VerbRow<{ signals: Signal[] }> & { idx: number }>`
    select * from worker_api_v1.renew(string_to_array(${tokens}, ','), ${request.ttlMs}::int)`.execute(db);
  return inInputOrder(rows, request.leases.length);
}
