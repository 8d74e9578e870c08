import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { inInputOrder, type VerbRow } from "../database/verb-row.ts";
import type { Lease, Signal } from "./lease.ts";

/** What waits for the holders of these leases, without renewing them; one answer per lease, in their order. */
export async function takeSignals(
  db: Db,
  leases: readonly Lease[],
): Promise<Array<Outcome<{ signals: Signal[] }, "stale_lease" | "lease_ended" | "lease_unknown">>> {
  if (leases.length === 0) return [];
  const tokens = leases.map((lease) => lease.token).join(",");
  const { rows } = await sql<VerbRow<{ signals: Signal[] }> & { idx: number }>`
    select * from worker_api_v1.take_signals(string_to_array(${tokens}, ','))`.execute(db);
  return inInputOrder(rows, leases.length);
}
