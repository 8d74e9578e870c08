import { systemClock } from "@open-cowork/contracts/clock";
import { PgBoss } from "pg-boss";
import { PeerEvents } from "./peer-events.ts";
import { countCommits, freshDatabase, query } from "./query.ts";
import type { Queue } from "./queue.ts";
import { batchesPerTurn } from "./streamed.ts";

const database = "bench_pgboss";
const queue = "turns";

/**
 * pg-boss by its documentation: `useListenNotify` and `notify` on the queue for latency, with its shortest polling as
 * backstop. For throughput it fetches and completes a batch at a time, and fetches again at once while batches are full;
 * several such workers, so that one slow batch holds up few lanes.
 */
export async function pgBossQueue(serverUrl: string): Promise<Queue> {
  const url = await freshDatabase(serverUrl, database);
  const start = async (connections: number) => {
    const boss = new PgBoss({ connectionString: url, max: connections, useListenNotify: true, schedule: false });
    boss.on("error", (error) => process.stderr.write(`pg-boss: ${String(error)}\n`));
    await boss.start();
    return boss;
  };
  const first = await start(2);
  await first.createQueue(queue, { notify: true });
  await first.stop({ graceful: false });
  return {
    name: "pg-boss",
    about:
      "useListenNotify + notify, polling 0.5 s; throughput: batchSize, burstWhenBatchFull. Lacks fence, order per session (without key_strict_fifo), fairness between tenants",
    openForLatency: async (onStart) => {
      const boss = await start(12);
      await boss.work<{ id: string }>(
        queue,
        { localConcurrency: 10, batchSize: 1, pollingIntervalSeconds: 0.5, notifyPollingIntervalSeconds: 0.5 },
        async ([job]) => onStart(job!.data.id),
      );
      return {
        enqueue: async (id) => void (await boss.send(queue, { id })),
        close: async () => boss.stop({ graceful: true, timeout: 5_000 }),
      };
    },
    runTurns: async (turns, lanes) => {
      const workers = 5;
      const boss = await start(workers + 2);
      const prefix = `b${systemClock.monotonicMs()}`;
      for (let from = 0; from < turns; from += 1_000) {
        const size = Math.min(1_000, turns - from);
        await boss.insert(
          queue,
          Array.from({ length: size }, (_, n) => ({ data: { id: `${prefix}-${from + n}` } })),
        );
      }
      await boss.stop({ graceful: true, timeout: 5_000 });
      await PeerEvents.prepare(url);
      await query(url, "vacuum analyze");
      const commitsBefore = await countCommits(serverUrl, database);
      const events = new PeerEvents(url, lanes);
      const running = await start(workers + 2);
      const started = systemClock.monotonicMs();
      let handled = 0;
      const turn = async (id: string) => {
        for (let batch = 0; batch < batchesPerTurn; batch += 1) await events.append(id, batch);
        handled += 1;
      };
      await running.work<{ id: string }>(
        queue,
        {
          localConcurrency: workers,
          batchSize: lanes / workers,
          burstWhenBatchFull: true,
          pollingIntervalSeconds: 0.5,
          notifyPollingIntervalSeconds: 0.5,
        },
        async (jobs) => void (await Promise.all(jobs.map((job) => turn(job.data.id)))),
      );
      while (handled < turns) await systemClock.sleep(2);
      const open = "select from pgboss.job where name = $1 and state < 'completed' limit 1";
      while ((await events.pool.query(open, [queue])).rowCount !== 0) await systemClock.sleep(2);
      const seconds = (systemClock.monotonicMs() - started) / 1_000;
      await running.stop({ graceful: true, timeout: 5_000 });
      await events.close();
      return { seconds, commits: (await countCommits(serverUrl, database)) - commitsBefore };
    },
  };
}
