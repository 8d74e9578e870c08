import { systemClock } from "@open-cowork/contracts/clock";
import { percentile, type Bench } from "../harness.ts";
import type { Queue } from "./queue.ts";

const perSecond = 100;
const startMs = 10_000;

type Metric =
  | "enqueue→start, idle, p50"
  | "enqueue→start, idle, p99"
  | "enqueue→start at 100/s, p50"
  | "enqueue→start at 100/s, p99";

/** From asking until the work has begun in a worker that had nothing to do: both ends in this process, on one clock. */
export function latencyBench(queues: Queue[], quick: boolean): Bench<Metric> {
  return {
    name: "enqueue to start",
    runs: quick ? 1 : 5,
    metrics: {
      "enqueue→start, idle, p50": { unit: "ms", goalAgainstPeers: 1 },
      "enqueue→start, idle, p99": { unit: "ms" },
      "enqueue→start at 100/s, p50": { unit: "ms" },
      "enqueue→start at 100/s, p99": { unit: "ms", goal: 10 },
    },
    contestants: queues.map((queue) => ({ name: queue.name, run: () => measureStarts(queue, quick) })),
    notes: () => queues.map(({ name, about }) => `${name}: ${about}`),
  };
}

async function measureStarts(queue: Queue, quick: boolean): Promise<Record<Metric, number>> {
  const waiting = new Map<string, (atMs: number) => void>();
  const opened = await queue.openForLatency((id) => waiting.get(id)?.(systemClock.monotonicMs()));
  let asked = 0;
  const ask = async (): Promise<number> => {
    const id = `${asked++}`;
    const begun = new Promise<number>((resolve) => waiting.set(id, resolve));
    const from = systemClock.monotonicMs();
    await opened.enqueue(id);
    const late = systemClock.sleep(startMs).then(() => Promise.reject(new Error(`${queue.name} did not start ${id}`)));
    late.catch(() => {});
    const ms = (await Promise.race([begun, late])) - from;
    waiting.delete(id);
    return ms;
  };
  try {
    for (let n = 0; n < 50; n += 1) await ask();
    const idle: number[] = [];
    for (let n = 0; n < (quick ? 60 : 300); n += 1) {
      // Long enough for whoever finished the last one to be idle again.
      await systemClock.sleep(15);
      idle.push(await ask());
    }
    const steady = await atRate(quick ? 2 : 10, ask);
    return {
      "enqueue→start, idle, p50": percentile(idle, 50),
      "enqueue→start, idle, p99": percentile(idle, 99),
      "enqueue→start at 100/s, p50": percentile(steady, 50),
      "enqueue→start at 100/s, p99": percentile(steady, 99),
    };
  } finally {
    await opened.close();
  }
}

/** Asks on a schedule and never waits for an answer first, so that a slow one is not hidden by the pause it causes. */
async function atRate(seconds: number, ask: () => Promise<number>): Promise<number[]> {
  const started = systemClock.monotonicMs();
  const asked: Array<Promise<number>> = [];
  for (let n = 0; n < seconds * perSecond; n += 1) {
    const dueMs = started + (n * 1_000) / perSecond;
    await systemClock.sleep(Math.max(0, dueMs - systemClock.monotonicMs()));
    asked.push(ask());
  }
  return Promise.all(asked);
}
