import { systemClock } from "@open-cowork/contracts/clock";

/** npx, pnpm and the terminal may each deliver the same Ctrl-C; only a later one is a second wish. */
const samePressMs = 1_000;

/** A first signal asks for a stop in good order and resolves the promise, a later one insists. */
export function listenForStop(on: { onFirst: () => void; onForced: () => void }): Promise<void> {
  return new Promise((resolve) => {
    let firstAt: number | null = null;
    for (const name of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
      process.on(name, () => {
        const now = systemClock.monotonicMs();
        if (firstAt === null) {
          firstAt = now;
          on.onFirst();
          resolve();
        } else if (now - firstAt > samePressMs) on.onForced();
      });
    }
  });
}
