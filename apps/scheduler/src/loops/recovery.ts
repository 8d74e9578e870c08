import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import type { LoopWorld } from "./world.ts";

/** Bounded, so that one tick after an outage of many workers doesn't hold up the next look. */
const leasesPerTick = 100;

/** Takes expired leases back and tells workers and watchers at once. */
export async function recoveryTick({ database, telemetry }: LoopWorld): Promise<void> {
  const recovered = await recoverExpiredLeases(database.db, leasesPerTick);
  for (const { sessionId, decision, traceparent } of recovered) {
    telemetry.count("cowork_leases_recovered_total", { decision });
    // In the trace of the wish itself: whoever asks why it took so long finds the lost lease there.
    await telemetry.span("recover lease", { parent: traceparent, attributes: { decision } }, async () => {
      telemetry.log.warn({ sessionId, decision }, "a lease ran out and was taken back");
      if (sessionId) database.notify("events", sessionId);
    });
  }
  if (recovered.length > 0) database.notify("ready");
}
