import { systemClock } from "@open-cowork/contracts/clock";
import type { Running } from "./part-process.ts";
import { seconds } from "./progress.ts";
import { decideRestart, quickCrashesUntilSlow } from "./restart-backoff.ts";

export interface Supervised {
  readonly running: Running;
  /** How often it has ended by itself. */
  readonly crashes: number;
  stop(graceMs: number): Promise<void>;
}

/**
 * Keeps one part running: what ends by itself is started again after a pause, and says so in one line. Its crash is
 * its own; nothing else stops.
 */
export function supervise(options: {
  name: string;
  first: Running;
  launch: () => Promise<Running>;
  logFile: string;
  stopping: AbortSignal;
  say: (line: string) => void;
}): Supervised {
  const { name, launch, logFile, stopping, say } = options;
  let running = options.first;
  let quickCrashes = 0;
  let crashes = 0;

  async function keepRunning(): Promise<void> {
    let startedAt = systemClock.monotonicMs();
    let ended = (await running.exited).words;
    while (!stopping.aborted) {
      crashes += 1;
      const decision = decideRestart(quickCrashes, systemClock.monotonicMs() - startedAt);
      quickCrashes = decision.quickCrashes;
      const hint = quickCrashes >= quickCrashesUntilSlow ? `; it keeps crashing, see ${logFile}` : "";
      say(`${name} ended (${ended}), starting it again in ${seconds(decision.pauseMs)}${hint}`);
      await systemClock.sleep(decision.pauseMs, stopping).catch(() => {});
      if (stopping.aborted) return;
      startedAt = systemClock.monotonicMs();
      try {
        running = await launch();
      } catch (error) {
        ended = (error as Error).message;
        continue;
      }
      // Asked to stop while this was starting: whoever asked waits for us, and has not seen this one.
      if (stopping.aborted) return running.stop(0);
      ended = (await running.exited).words;
    }
  }

  const kept = keepRunning();
  return {
    get running() {
      return running;
    },
    get crashes() {
      return crashes;
    },
    async stop(graceMs) {
      await running.stop(graceMs);
      await kept;
    },
  };
}
