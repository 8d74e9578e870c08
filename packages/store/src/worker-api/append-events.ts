import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { refused, type Outcome } from "@open-cowork/contracts/outcome";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { toStorableJson } from "../database/storable-json.ts";
import { byLane } from "./by-lane.ts";
import type { Lease } from "./lease.ts";
import { inInputOrder, type VerbRow } from "../database/verb-row.ts";

export interface EventBatch {
  lease: Lease;
  /** Counts up by one per lease; the same number again after a lost answer writes nothing and answers the same. */
  batchNo: number;
  events: readonly RuntimeEvent[];
  /** OpenCode's session id, once it is known. */
  runtimeSessionId?: string | undefined;
}

export type WriteRefusal =
  | "stale_lease"
  | "lease_ended"
  | "lease_unknown"
  | "batch_out_of_order"
  | "batch_too_large"
  | "batch_malformed";

/** Batches of several lanes share a round trip, each fenced by its own token: one bad lane never spoils the others. */
export async function appendEvents(
  db: Db,
  batches: readonly EventBatch[],
): Promise<Array<Outcome<{ through: number }, WriteRefusal>>> {
  const fitting = batches.filter((batch) => fitsABatch(batch.events));
  const inputs = fitting.map(({ lease, batchNo, events, runtimeSessionId }) => ({
    token: lease.token,
    batchNo,
    events,
    runtimeSessionId,
  }));
  if (inputs.length === 0) return batches.map(() => refused("batch_too_large"));
  const answers = await byLane(inputs, async (some) => {
    const { rows } = await sql<VerbRow<{ through: number }> & { idx: number }>`
      select * from worker_api_v1.append_events(${some}::jsonb)`.execute(db);
    return inInputOrder<{ through: number }, WriteRefusal>(rows, some.length);
  });
  return batches.map((batch) => answers[fitting.indexOf(batch)] ?? refused("batch_too_large"));
}

/** The database counts events; bytes are counted here, before they travel. */
export function fitsABatch(events: readonly RuntimeEvent[]): boolean {
  return events.length <= limits.batchEvents && Buffer.byteLength(toStorableJson(events)) <= limits.batchBytes;
}
