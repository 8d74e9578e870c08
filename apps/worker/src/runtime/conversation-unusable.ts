import { DeadlineExceeded, systemClock } from "@open-cowork/contracts/clock";
import { EngineStartFailed } from "./engine-process.ts";
import { EngineUnreachable } from "./engine-transport.ts";

/** OpenCode is well, but can't go on with the conversation it was given: every later attempt would meet the same. */
export class ConversationUnusable extends EngineStartFailed {
  override name = "ConversationUnusable";
}

const exitMs = 1_000;

/** Tells a conversation that is beyond use from a process that is gone or slow, which says nothing about it. */
export async function withConversation<T>(exited: AbortSignal, work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (error) {
    if (error instanceof EngineUnreachable || error instanceof DeadlineExceeded) throw error;
    // A process that is being ended may still answer, with anything.
    await systemClock.sleep(exitMs, exited).catch(() => {});
    if (exited.aborted) throw error;
    throw new ConversationUnusable("OpenCode can't go on with its conversation", "", error);
  }
}
