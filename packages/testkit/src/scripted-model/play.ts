import { randomUUID } from "node:crypto";
import type { ServerResponse } from "node:http";
import { systemClock } from "@open-cowork/contracts/clock";
import type { Completion } from "./completion.ts";
import type { ModelStep, Seen, Words } from "./script.ts";

export interface Stage {
  response: ServerResponse;
  completion: Completion;
  seen: Seen;
  promptTokens: number;
  /** How often this very request has been refused before; a `times` of an error step looks at it. */
  refusals: { count: number };
  /** Aborts when the client leaves or the server closes. */
  signal: AbortSignal;
}

/** Plays one turn. Returns when the answer is complete, refused or cut; throws only when the signal aborts. */
export async function play(steps: readonly ModelStep[], stage: Stage): Promise<void> {
  const { completion, response, signal } = stage;
  for (const step of steps) {
    switch (step.do) {
      case "say":
        await speak("content", step, stage);
        break;
      case "think":
        await speak("reasoning_content", step, stage);
        break;
      case "call":
        await completion.toolCall(`call_${randomUUID().replaceAll("-", "")}`, step.tool, step.args, signal);
        break;
      case "wait":
        await systemClock.sleep(step.ms, signal);
        break;
      case "error":
        if (stage.refusals.count >= step.times) break;
        stage.refusals.count += 1;
        completion.fail(step);
        return;
      case "truncate":
        // What was said before still arrives; the stream's end does not.
        response.socket?.destroySoon();
        return;
      case "hang":
        await silence(signal);
        return;
    }
  }
  completion.finish(stage.promptTokens);
}

async function speak(
  kind: "content" | "reasoning_content",
  step: { text: Words; pace: { chunk: number; delayMs: number } },
  stage: Stage,
): Promise<void> {
  const text = typeof step.text === "string" ? step.text : step.text(stage.seen);
  // By code points: a chunk that ends inside a surrogate pair would not survive UTF-8.
  const characters = Array.from(text);
  for (let from = 0; from < characters.length; from += step.pace.chunk) {
    await stage.completion.text(kind, characters.slice(from, from + step.pace.chunk).join(""), stage.signal);
    if (step.pace.delayMs > 0) await systemClock.sleep(step.pace.delayMs, stage.signal);
  }
}

function silence(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
  });
}
