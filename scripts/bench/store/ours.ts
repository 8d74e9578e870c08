import { every, systemClock } from "@open-cowork/contracts/clock";
import { appendEvents, type EventBatch } from "@open-cowork/store/worker-api/append-events";
import { finishAll, type Ending } from "@open-cowork/store/worker-api/finish-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import type { Database } from "@open-cowork/store/database/open";
import { Grouped } from "./grouped.ts";
import { BenchPlane, inTurns, type BenchWorker } from "./plane.ts";
import { countCommits } from "./query.ts";
import type { Queue } from "./queue.ts";
import { batchesPerTurn, turnBatch } from "./streamed.ts";
import { WorkerLoop } from "./worker-loop.ts";

const database = "bench_ours";
const sessionsForLatency = 200;
/** The scheduler's, as in production. */
const tickMs = 1_000;
/** Two, so that one call's commit overlaps the next one's work; more only cost each other's CPU. */
const callsAtOnce = 2;

/** Ours: every write is fenced, sessions are strictly in order, tenants are served fairly, and readers get a read model. */
export async function ourQueue(serverUrl: string): Promise<Queue> {
  const plane = await BenchPlane.create(serverUrl, database, { workerConnections: 4 });
  const sessions = await plane.newSessions(sessionsForLatency);
  await plane.close();
  return {
    name: "ours",
    about:
      "verbs as cowork_worker, group appends, batch claims, last batch within finishAll; fence, order per session, fairness, audit and read model are in the numbers",
    openForLatency: async (onStart) => {
      const open = plane.reopened({ workerConnections: 4 });
      const worker = await open.enrol("latency");
      const starts = new Map<string, string[]>();
      const finish = finisher(open.worker);
      const loop = new WorkerLoop({
        plane: open,
        database: open.worker,
        worker,
        lanes: 50,
        onClaimed: async (claimed) => {
          onStart(starts.get(claimed.lease.sessionId)!.shift()!);
          await done(finish, { lease: claimed.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
        },
      });
      const stopTicks = every(
        tickMs,
        () => void open.tick().catch((error: unknown) => process.stderr.write(`tick: ${String(error)}\n`)),
      );
      let next = 0;
      return {
        enqueue: async (id) => {
          const session = sessions[next++ % sessions.length]!;
          starts.set(session, [...(starts.get(session) ?? []), id]);
          await open.enqueue(session);
          open.web.notify("ready");
        },
        close: async () => {
          stopTicks();
          await loop.stop();
          await open.close();
        },
      };
    },
    runTurns: async (turns, lanes) => {
      const open = plane.reopened({ workerConnections: callsAtOnce * 2 + 1 });
      const worker = await open.enrol("turns");
      const laneSessions = await open.newSessions(lanes);
      await inTurns(turns, 8, (n) => open.enqueue(laneSessions[n % lanes]!));
      await open.close();
      await open.sql("vacuum analyze");

      const running = plane.reopened({ workerConnections: callsAtOnce * 2 + 1 });
      const commitsBefore = await countCommits(serverUrl, database);
      const started = systemClock.monotonicMs();
      await runAll(running, worker, turns, lanes);
      const seconds = (systemClock.monotonicMs() - started) / 1_000;
      await running.close();
      return { seconds, commits: (await countCommits(serverUrl, database)) - commitsBefore };
    },
  };
}

async function runAll(plane: BenchPlane, worker: BenchWorker, turns: number, lanes: number): Promise<void> {
  const append = appender(plane.worker);
  const finish = finisher(plane.worker);
  let finished = 0;
  const { promise, resolve } = Promise.withResolvers<void>();
  const turn = async ({ lease, nextBatch }: Claimed) => {
    // As our worker does: the last batch comes with the end, so that no crash can part the two.
    const last = batchesPerTurn - 1;
    for (let batch = 0; batch < last; batch += 1) {
      const events = turnBatch(lease.workId, batch);
      await done(append, { lease, batchNo: nextBatch + batch, events });
    }
    const events = turnBatch(lease.workId, last);
    await done(finish, { lease, batchNo: nextBatch + last, events, outcome: { kind: "succeeded" } });
    finished += 1;
    if (finished === turns) resolve();
  };
  const loop = new WorkerLoop({ plane, database: plane.worker, worker, lanes, onClaimed: turn });
  await promise;
  await loop.stop();
}

type Answered = { ok: true } | { ok: false; reason: string };

function appender({ db }: Database) {
  return new Grouped<EventBatch, Answered>((batches) => appendEvents(db, batches), { atOnce: callsAtOnce, most: 25 });
}

export function finisher({ db }: Database) {
  return new Grouped<Ending, Answered>((endings) => finishAll(db, endings), { atOnce: callsAtOnce, most: 25 });
}

export async function done<Item>(group: Grouped<Item, Answered>, item: Item): Promise<void> {
  const outcome = await group.call(item);
  if (!outcome.ok) throw new Error(`a write was refused: ${outcome.reason}`);
}
