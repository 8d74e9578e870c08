import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { refused, type Outcome } from "@open-cowork/contracts/outcome";
import type { Failure } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { inInputOrder, type VerbRow } from "../database/verb-row.ts";
import { fitsABatch, type WriteRefusal } from "./append-events.ts";
import { byLane } from "./by-lane.ts";
import type { Lease } from "./lease.ts";

export type AttemptOutcome =
  | { kind: "succeeded" }
  | { kind: "failed" | "cancelled"; reason: Failure }
  /** Gives the work back unharmed: another attempt follows at once. */
  | { kind: "released"; reason: Failure };

export interface Ending {
  lease: Lease;
  batchNo: number;
  events: readonly RuntimeEvent[];
  outcome: AttemptOutcome;
}

export type Finished = Outcome<{ through: number }, WriteRefusal>;

/** Ends an attempt with its last events, atomically. A repeat after a lost answer gets the stored one. */
export async function finishWork(db: Db, ending: Ending): Promise<Finished> {
  const [finished] = await finishAll(db, [ending]);
  return finished!;
}

/** Ends attempts of several lanes in one round trip, each fenced by its own token. */
export async function finishAll(db: Db, endings: readonly Ending[]): Promise<Finished[]> {
  const fitting = endings.filter((ending) => fitsABatch(ending.events));
  const inputs = fitting.map(({ lease, batchNo, events, outcome }) => ({
    token: lease.token,
    batchNo,
    events,
    outcome: outcome.kind,
    reason: outcome.kind === "succeeded" ? null : outcome.reason,
  }));
  if (inputs.length === 0) return endings.map(() => refused("batch_too_large"));
  const answers = await byLane(inputs, async (some) => {
    const { rows } = await sql<VerbRow<{ through: number }> & { idx: number }>`
      select * from worker_api_v1.finish(${some}::jsonb)`.execute(db);
    return inInputOrder<{ through: number }, WriteRefusal>(rows, some.length);
  });
  return endings.map((ending) => answers[fitting.indexOf(ending)] ?? refused("batch_too_large"));
}
