import { jittered, systemClock } from "@open-cowork/contracts/clock";
import { DatabaseUnavailable } from "@open-cowork/store/database/unavailable";
import type { Telemetry } from "@open-cowork/telemetry/set-up";

/** After a failure the loop waits this much longer each time, up to the most, and says so once per outage. */
const backoffMostMs = 5_000;

/**
 * Runs `tick` again and again until `stopping` aborts, never two at once. A tick that fails is logged and tried again:
 * everything it does is found again in the database. Resolves once the last tick has ended.
 */
export async function startLoop(
  name: string,
  everyMs: number,
  tick: () => Promise<void>,
  { telemetry, stopping }: { telemetry: Telemetry; stopping: AbortSignal },
): Promise<void> {
  let failures = 0;
  while (!stopping.aborted) {
    try {
      await tick();
      if (failures > 0) telemetry.log.info({ loop: name }, "the loop works again");
      failures = 0;
    } catch (error) {
      failures += 1;
      if (!(error instanceof DatabaseUnavailable)) telemetry.log.error({ loop: name, err: error }, "a tick failed");
      else if (failures === 1)
        telemetry.log.warn({ loop: name, reason: error.message }, "the loop waits for the database");
    }
    const pauseMs = Math.min(everyMs * 2 ** failures, Math.max(everyMs, backoffMostMs));
    await systemClock.sleep(jittered(pauseMs), stopping).catch(() => {});
  }
}
