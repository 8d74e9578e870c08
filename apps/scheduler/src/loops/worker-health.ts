import { markUnhealthyWorkers } from "@open-cowork/store/workers/mark-unhealthy-workers";
import type { LoopWorld } from "./world.ts";

/** Workers that fell silent claim nothing until they are heard again. */
export async function workerHealthTick({ database, telemetry }: LoopWorld, unhealthyAfterMs: number): Promise<void> {
  for (const workerId of await markUnhealthyWorkers(database.db, unhealthyAfterMs)) {
    telemetry.log.warn({ workerId }, "a worker fell silent and is unhealthy now");
  }
}
