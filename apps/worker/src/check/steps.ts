import { systemClock } from "@open-cowork/contracts/clock";
import { hideSecretShapes } from "@open-cowork/contracts/secret-shapes";

/** Says what came of a step in a few words; whatever it throws is the one line that a person reads. */
export interface Step {
  name: string;
  run(): Promise<string>;
}

/** Prints each step with its time and stops at the first that fails; true when none did. */
export async function walk(steps: readonly Step[], say: (line: string) => void): Promise<boolean> {
  for (const { name, run } of steps) {
    const from = systemClock.monotonicMs();
    const took = () => `${Math.round(systemClock.monotonicMs() - from)} ms`.padStart(8);
    try {
      const found = await run();
      say(`ok    ${name.padEnd(16)} ${took()}  ${found}`);
    } catch (error) {
      const [line] = hideSecretShapes((error as Error).message).split("\n");
      say(`FAIL  ${name.padEnd(16)} ${took()}  ${line}`);
      return false;
    }
  }
  return true;
}
