import { systemClock } from "@open-cowork/contracts/clock";
import { Logger, makeWorkerUtils, run, type TaskList } from "graphile-worker";
import { PeerEvents } from "./peer-events.ts";
import { countCommits, freshDatabase, query } from "./query.ts";
import type { Queue } from "./queue.ts";
import { batchesPerTurn } from "./streamed.ts";

const database = "bench_graphile";
/** Its log line per job would be measured too. */
const logger = new Logger(() => () => {});

/**
 * graphile-worker by its documentation: LISTEN/NOTIFY wakes idle workers by itself. For latency no local queue, which
 * trades it for throughput; for throughput the page "Performance": local queue, batched completion, a pool of jobs + 2.
 */
export async function graphileQueue(serverUrl: string): Promise<Queue> {
  const url = await freshDatabase(serverUrl, database);
  const utils = await makeWorkerUtils({ connectionString: url, logger });
  await utils.migrate();
  await utils.release();
  const worker = (taskList: TaskList, preset: GraphileConfig.WorkerOptions) =>
    run({
      connectionString: url,
      noHandleSignals: true,
      logger,
      taskList,
      parsedCronItems: [],
      preset: { worker: { ...preset, logger } },
    });
  return {
    name: "graphile-worker",
    about:
      "run + LISTEN/NOTIFY; throughput: localQueue, completeJobBatchDelay 0. Lacks fence, order per session (without its slower named queues), fairness between tenants",
    openForLatency: async (onStart) => {
      const taskList: TaskList = { turn: (payload) => onStart((payload as { id: string }).id) };
      const runner = await worker(taskList, { concurrentJobs: 10, maxPoolSize: 12 });
      const adder = await makeWorkerUtils({ connectionString: url, logger });
      return {
        enqueue: async (id) => void (await adder.addJob("turn", { id })),
        close: async () => {
          await runner.stop();
          await adder.release();
        },
      };
    },
    runTurns: async (turns, lanes) => {
      const adder = await makeWorkerUtils({ connectionString: url, logger });
      const prefix = `g${systemClock.monotonicMs()}`;
      for (let from = 0; from < turns; from += 1_000) {
        const size = Math.min(1_000, turns - from);
        const jobs = Array.from({ length: size }, (_, n) => ({
          identifier: "turn",
          payload: { id: `${prefix}-${from + n}` },
        }));
        await adder.addJobs(jobs);
      }
      await adder.release();
      await PeerEvents.prepare(url);
      await query(url, "vacuum analyze");
      const commitsBefore = await countCommits(serverUrl, database);
      const events = new PeerEvents(url, lanes);
      const started = systemClock.monotonicMs();
      let handled = 0;
      const taskList: TaskList = {
        turn: async (payload) => {
          for (let batch = 0; batch < batchesPerTurn; batch += 1)
            await events.append((payload as { id: string }).id, batch);
          handled += 1;
        },
      };
      const runner = await worker(taskList, {
        concurrentJobs: lanes,
        maxPoolSize: lanes + 2,
        localQueue: { size: lanes + 1 },
        completeJobBatchDelay: 0,
        failJobBatchDelay: 0,
      });
      while (handled < turns) await systemClock.sleep(2);
      // Completed means deleted, in its database.
      while ((await events.pool.query("select from graphile_worker._private_jobs limit 1")).rowCount !== 0)
        await systemClock.sleep(2);
      const seconds = (systemClock.monotonicMs() - started) / 1_000;
      await runner.stop();
      await events.close();
      return { seconds, commits: (await countCommits(serverUrl, database)) - commitsBefore };
    },
  };
}
