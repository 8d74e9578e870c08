import { settleParts } from "@open-cowork/store/events/settle-parts";
import { endOvertime, keepHouse, keepPartitions, type Retention } from "@open-cowork/store/house/keep-house";
import type { LoopWorld } from "./world.ts";

/** Of each kind at once, so that no statement holds many locks or runs into its deadline. */
const rowsAtOnce = 1_000;
/** A backlog is worked off over several ticks. */
const roundsPerTick = 20;

/** Removes what has had its time, makes months ahead, and ends what has had too much. */
export async function houseTick({ database, telemetry }: LoopWorld, retention: Retention): Promise<void> {
  const { db } = database;
  const count = (kind: string, removed: number) => {
    if (removed > 0) telemetry.count("cowork_house_rows_removed_total", { kind }, removed);
  };
  const overtime = await endOvertime(db, 100);
  if (overtime > 0) {
    telemetry.log.warn({ ended: overtime }, "work ran for longer than it may and was ended");
    database.notify("ready");
  }
  for (let round = 0, more = true; more && round < roundsPerTick; round += 1) {
    const removed = await keepHouse(db, retention, rowsAtOnce);
    for (const one of removed) count(one.kind, one.removed);
    const deltas = await settleParts(db, 100);
    count("deltas", deltas);
    more = deltas > 0 || removed.some((one) => one.removed === rowsAtOnce);
  }
  for (const partition of await keepPartitions(db, retention)) {
    count("partitions", 1);
    telemetry.log.info({ partition }, "a month of rows has had its time and was dropped");
  }
}
