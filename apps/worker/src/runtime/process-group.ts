import { systemClock, type Clock } from "@open-cowork/contracts/clock";
import { groupMembers } from "./process-identity.ts";

/**
 * Ends a whole process group: TERM, TERM, KILL. Twice TERM, because OpenCode swallows the first one in some moments of
 * its start. Tools that the agent started stay in the group, so "the engine has exited" is not yet the end.
 */
const endSteps = [
  { signal: "SIGTERM", waitMs: 2_000 },
  { signal: "SIGTERM", waitMs: 2_000 },
  { signal: "SIGKILL", waitMs: 5_000 },
] as const;

const lookMs = 20;

/** Resolves once no process of the group is left; throws when even KILL did not end it. */
export async function endProcessGroup(pgid: number, clock: Clock = systemClock): Promise<void> {
  for (const { signal, waitMs } of endSteps) {
    if (!signalGroup(pgid, signal)) return;
    const giveUpAt = clock.monotonicMs() + waitMs;
    while (clock.monotonicMs() < giveUpAt) {
      if ((await groupMembers(pgid)).length === 0) return;
      await clock.sleep(lookMs);
    }
  }
  throw new Error(`process group ${pgid} is still there after SIGKILL`);
}

const running = new Set<number>();
let isListening = false;

/**
 * Kills the group when this process leaves without having ended it: at a second signal, at the end of the grace period,
 * at a crash. Only a SIGKILL leaves it to the next worker. Returns what to call once the group has ended.
 */
export function killAtExit(pgid: number): () => void {
  running.add(pgid);
  if (!isListening) process.on("exit", () => running.forEach((each) => signalGroup(each, "SIGKILL")));
  isListening = true;
  return () => void running.delete(pgid);
}

/** False when the group is gone. */
function signalGroup(pgid: number, signal: NodeJS.Signals): boolean {
  try {
    process.kill(-pgid, signal);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ESRCH") return false;
    throw error;
  }
}
