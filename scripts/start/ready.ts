import { deadline, systemClock } from "@open-cowork/contracts/clock";

const probeMs = 2_000;

/** Whether this address answers 200 now. A probe has a deadline of its own: one lost answer must not hang the start. */
async function answersOk(url: string): Promise<boolean> {
  try {
    const answer = await fetch(url, { signal: deadline(probeMs, "the probe") });
    await answer.body?.cancel();
    return answer.ok;
  } catch {
    return false;
  }
}

/** Null once it answers, or why waiting was given up. */
export async function waitUntilReady(
  url: string,
  giveUp: () => string | null,
  withinMs: number,
): Promise<string | null> {
  const giveUpAt = systemClock.monotonicMs() + withinMs;
  while (!(await answersOk(url))) {
    const reason = giveUp();
    if (reason !== null) return reason;
    if (systemClock.monotonicMs() >= giveUpAt) return `not ready within ${withinMs / 1_000} s`;
    await systemClock.sleep(50);
  }
  return null;
}
