import { expireDecisions } from "@open-cowork/store/decisions/expire-decisions";
import type { LoopWorld } from "./world.ts";

const asksPerTick = 100;

/** Ends asks that nobody answered in time, and tells the workers that wait for them. */
export async function decisionTick({ database, telemetry }: LoopWorld): Promise<void> {
  for (const sessionId of await expireDecisions(database.db, asksPerTick)) {
    telemetry.log.info({ sessionId }, "nobody answered an agent in time");
    database.notify("signals", sessionId);
    database.notify("events", sessionId);
  }
}
