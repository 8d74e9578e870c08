import { systemClock, type Clock } from "@open-cowork/contracts/clock";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import type { Outcome } from "@open-cowork/contracts/outcome";
import type { WriteRefusal } from "@open-cowork/store/worker-api/append-events";
import type { AttemptOutcome } from "@open-cowork/store/worker-api/finish-work";
import { LeaseLost, type LeaseKeeper } from "./lease-keeper.ts";
import { mergeDeltas } from "./merge-deltas.ts";

/**
 * Carries one attempt's events to Postgres in numbered batches, in order, one at a time. A batch whose answer was lost
 * is sent again under its own number for as long as the lease may be trusted. A refusal ends the lease at once: what is
 * left is thrown away, because somebody else may be writing already.
 */
export interface EventWriter {
  /** An empty first batch, which tells the plane the runtime's conversation before anything is said in it. */
  open(): Promise<void>;
  /** Resolves when there is room for more; never throws, because a lost lease is told by the keeper. */
  write(events: readonly RuntimeEvent[]): Promise<void>;
  /** Everything that is left together with the outcome, in one transaction. Throws `LeaseLost`. */
  finish(outcome: AttemptOutcome): Promise<void>;
}

export interface EventWriterOptions {
  firstBatch: number;
  keeper: Pick<LeaseKeeper, "lost" | "lose">;
  /** `sinceMs`: for how long the oldest of them has waited. */
  append(
    batchNo: number,
    events: readonly RuntimeEvent[],
    sinceMs: number,
  ): Promise<Outcome<{ through: number }, WriteRefusal>>;
  finish(
    batchNo: number,
    events: readonly RuntimeEvent[],
    outcome: AttemptOutcome,
  ): Promise<Outcome<{ through: number }, WriteRefusal>>;
  /** Whether to try again (the database was away) or to give up (a bug). */
  mayRetry(error: unknown): boolean;
  onAppended(events: number): void;
  onRefused(reason: WriteRefusal): void;
  /** A batch could not be written for a reason that no repeat cures. */
  onBug(error: unknown): void;
  clock?: Clock;
}

const batch = { flushMs: 15, events: 100, bytes: 256 * 1024 } as const;
/** More than this waits for the database; then the engine is read no further. */
const mostWaitingBytes = 4 * 1024 * 1024;
const retryMs = 200;

export function createEventWriter(options: EventWriterOptions): EventWriter {
  const { keeper, onAppended, onRefused } = options;
  const clock = options.clock ?? systemClock;
  let waiting: Array<{ event: RuntimeEvent; bytes: number; at: number }> = [];
  let waitingBytes = 0;
  let batchNo = options.firstBatch;
  let pumping: Promise<void> | null = null;
  let finishing = false;
  let sentAt = -Infinity;
  let urgent = new AbortController();

  const add = (event: RuntimeEvent) => {
    const latest = waiting.at(-1);
    const merged = latest && latest.bytes < batch.bytes / 2 ? mergeDeltas(latest.event, event) : null;
    if (latest && merged) {
      waitingBytes -= latest.bytes;
      waiting.pop();
    }
    const next = merged ?? event;
    const bytes = Buffer.byteLength(JSON.stringify(next));
    waiting.push({ event: next, bytes, at: merged && latest ? latest.at : clock.monotonicMs() });
    waitingBytes += bytes;
    if (isFull()) urgent.abort();
  };
  const isFull = () => waiting.length >= batch.events || waitingBytes >= batch.bytes;

  const take = (): RuntimeEvent[] => {
    let bytes = 0;
    let count = 0;
    for (const entry of waiting) {
      if (count > 0 && (count >= batch.events || bytes + entry.bytes > batch.bytes)) break;
      bytes += entry.bytes;
      count += 1;
    }
    waitingBytes -= bytes;
    return waiting.splice(0, count).map(({ event }) => event);
  };

  /** Repeats under the same number until there is an answer, and ends the lease on a refusal. */
  const send = async (verb: () => Promise<Outcome<{ through: number }, WriteRefusal>>): Promise<void> => {
    for (;;) {
      keeper.lost.throwIfAborted();
      try {
        const outcome = await verb();
        keeper.lost.throwIfAborted();
        if (outcome.ok) return void (batchNo += 1);
        onRefused(outcome.reason);
        keeper.lose(outcome.reason);
        // Also when the keeper was released before: then it loses nothing any more, and asking again would never end.
        throw new LeaseLost(outcome.reason);
      } catch (error) {
        if (error instanceof LeaseLost || !options.mayRetry(error)) throw error;
        await clock.sleep(retryMs, keeper.lost);
      }
    }
  };

  const sendBatch = async () => {
    sentAt = clock.monotonicMs();
    const at = waiting[0]?.at ?? clock.monotonicMs();
    const events = take();
    await send(() => options.append(batchNo, events, clock.monotonicMs() - at));
    onAppended(events.length);
  };

  const pump = async () => {
    while (waiting.length > 0 && !finishing) {
      // The first word after a pause goes at once; what follows closely is merged.
      const tooSoonMs = sentAt + batch.flushMs - clock.monotonicMs();
      if (!isFull() && tooSoonMs > 0)
        await clock.sleep(tooSoonMs, AbortSignal.any([urgent.signal, keeper.lost])).catch(() => {});
      urgent = new AbortController();
      // What is left then travels with the finish.
      if (!finishing) await sendBatch();
    }
  };

  let broken: unknown = null;
  const startPump = () => {
    pumping ??= pump()
      .catch((error: unknown) => {
        waiting = [];
        waitingBytes = 0;
        broken ??= error;
        if (keeper.lost.aborted || error instanceof LeaseLost) return;
        options.onBug(error);
        keeper.lose("internal");
      })
      .finally(() => {
        pumping = null;
        if (waiting.length > 0 && !finishing && broken === null) startPump();
      });
  };

  return {
    open: sendBatch,
    async write(events) {
      if (broken !== null || keeper.lost.aborted) return;
      for (const event of events) add(event);
      startPump();
      while (waitingBytes > mostWaitingBytes && pumping !== null) await pumping;
    },
    async finish(outcome) {
      finishing = true;
      urgent.abort();
      await pumping;
      keeper.lost.throwIfAborted();
      if (broken !== null) throw new Error("an earlier batch could not be written", { cause: broken });
      while (isFull()) await sendBatch();
      const rest = take();
      await send(() => options.finish(batchNo, rest, outcome));
      onAppended(rest.length);
    },
  };
}
