import type { Bench } from "../harness.ts";
import type { Queue } from "./queue.ts";
import { batchesPerTurn, eventsPerBatch } from "./streamed.ts";

const lanes = 50;

type Metric = "lifecycles" | "events" | "commits per lifecycle";

/** Claim, five batches of four events, finish: made beforehand, run by one process at 50 lanes. */
export function turnsBench(queues: Queue[], quick: boolean): Bench<Metric> {
  const turns = quick ? 200 : 2_000;
  return {
    name: "whole lifecycles at 50 lanes",
    runs: quick ? 1 : 5,
    metrics: {
      lifecycles: { unit: "/s", moreIsBetter: true, goalAgainstPeers: 3 },
      events: { unit: "/s", moreIsBetter: true },
      "commits per lifecycle": { unit: "commits" },
    },
    contestants: queues.map((queue) => ({
      name: queue.name,
      run: async () => {
        const { seconds, commits } = await queue.runTurns(turns, lanes);
        return {
          lifecycles: turns / seconds,
          events: (turns * batchesPerTurn * eventsPerBatch) / seconds,
          "commits per lifecycle": commits / turns,
        };
      },
    })),
  };
}
