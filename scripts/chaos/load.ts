import { systemClock } from "@open-cowork/contracts/clock";
import type { PlaneClient } from "../plane/plane-client.ts";
import type { Seeded } from "./seeded.ts";

/** Mostly quick ones, so that what waits in a lane at the end is worked off in seconds. */
const prompts = [
  "[script:slow] go on",
  "[script:text] hello",
  "[script:text] and again",
  "[script:tool] write it down",
  "Hello, who are you?",
];

/**
 * Prompts one session until the signal aborts; returns the ids of what the plane accepted. A refused or unanswered
 * request is no promise: the command may exist or not, and is then held only to what every command is held to.
 */
export async function keepPrompting(
  client: PlaneClient,
  sessionId: string,
  random: Seeded,
  stop: AbortSignal,
): Promise<string[]> {
  const accepted: string[] = [];
  while (!stop.aborted) {
    const text = random.pick(prompts);
    const pauseMs = random.between(2_000, 7_000);
    const answer = await client.prompt(sessionId, text).catch(() => null);
    if (answer) accepted.push(answer.commandId);
    await systemClock.sleep(pauseMs, stop).catch(() => {});
  }
  return accepted;
}
