import { systemClock } from "@open-cowork/contracts/clock";
import type { StreamFrames } from "@open-cowork/contracts/stream";
import { say, type ModelScript } from "@open-cowork/testkit/scripted-model/script";
import { eventually } from "@open-cowork/testkit/eventually";
import type { BenchPlane } from "./bench-plane.ts";

/** Each word is the moment at which the model said it. */
export const clocked: ModelScript = Array.from({ length: 120 }, () =>
  say(() => `@${systemClock.monotonicMs().toFixed(1)} `, { chunk: 100, delayMs: 25 }),
);

export interface Streamed {
  /** From OpenCode's event, as the worker reads it, to the subscriber's frame: of each batch its oldest event. */
  addedMs: number[];
  /** From the model's word to the subscriber's frame: OpenCode included. */
  throughMs: number[];
}

const turnMs = 120_000;

/** Runs one clocked turn in each of these sessions at once, with a subscriber to each. */
export async function stream(plane: BenchPlane, sessionIds: string[]): Promise<Streamed> {
  const runs = await Promise.all(sessionIds.map((sessionId) => listen(plane, sessionId)));
  return { addedMs: runs.flatMap(({ addedMs }) => addedMs), throughMs: runs.flatMap(({ throughMs }) => throughMs) };
}

async function listen(plane: BenchPlane, sessionId: string): Promise<Streamed> {
  const leave = new AbortController();
  const throughMs: number[] = [];
  const arrivals: Array<{ from: number; seq: number; atMs: number }> = [];
  const reading = (async () => {
    for await (const { name, data } of plane.client.frames(sessionId, leave.signal)) {
      if (name !== "changes") continue;
      const { events } = data as StreamFrames["changes"];
      const now = systemClock.monotonicMs();
      arrivals.push({ from: events[0]!.seq, seq: events.at(-1)!.seq, atMs: systemClock.now().getTime() });
      for (const event of events) {
        if (event.type !== "message.part.delta") continue;
        for (const [, at] of event.payload.text.matchAll(/@(\d+\.\d)/g)) throughMs.push(now - Number(at));
      }
    }
  })().catch((error: unknown) => {
    if (!leave.signal.aborted) throw error;
  });
  const { commandSeq } = await plane.client.prompt(sessionId, "[script:clocked]");
  await plane.client.outcome(sessionId, commandSeq, turnMs);
  leave.abort();
  await reading;
  const [first, last] = [arrivals[0]!.from, arrivals.at(-1)!.seq];
  // The turn's last batch travels with its finish, which is not a stream any more.
  const appends = await eventually(
    "the turn's batches",
    async () => {
      const turns = (await plane.spans("turn", 1)).filter(({ traceId }) => plane.sessionOf(traceId) === sessionId);
      const traceIds = new Set(turns.map(({ traceId }) => traceId));
      const found = (await plane.spans("append", 1)).filter(({ traceId }) => traceIds.has(traceId));
      const own = found.filter(({ attributes }) => Number(attributes["through"]) > first);
      return own.some(({ attributes }) => Number(attributes["through"]) >= last - 6) ? own : null;
    },
    { withinMs: 30_000 },
  );
  const addedMs = appends.flatMap(({ startMs, attributes }) => {
    const through = Number(attributes["through"]);
    const arrival = arrivals.find(({ seq }) => seq >= through);
    return arrival ? [arrival.atMs - (startMs - Number(attributes["waited_ms"]))] : [];
  });
  return { addedMs, throughMs };
}
