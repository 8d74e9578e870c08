import { systemClock } from "@open-cowork/contracts/clock";

const pauseMs = 20;

/**
 * Polls until the probe gives something, and returns it. A probe that throws counts as "not yet", and its last error
 * becomes the cause, so a failing test says what was seen and not only that time ran out.
 */
export async function eventually<T>(
  what: string,
  probe: () => Promise<T | undefined | null | false> | T | undefined | null | false,
  options: { withinMs?: number } = {},
): Promise<T> {
  const withinMs = options.withinMs ?? 10_000;
  const giveUpAt = systemClock.monotonicMs() + withinMs;
  let last: unknown;
  do {
    try {
      const seen = await probe();
      if (seen !== undefined && seen !== null && seen !== false) return seen;
      last = undefined;
    } catch (error) {
      last = error;
    }
    await systemClock.sleep(pauseMs);
  } while (systemClock.monotonicMs() < giveUpAt);
  throw new Error(`not within ${withinMs} ms: ${what}`, last === undefined ? {} : { cause: last });
}
