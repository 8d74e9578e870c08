import { workerStatuses } from "@open-cowork/contracts/lifecycles";
import { measureQueue, type QueueMeasure } from "@open-cowork/store/work/measure-queue";
import { countWorkers } from "@open-cowork/store/workers/count-workers";
import type { LoopWorld } from "./world.ts";

/** Counts queue and workers at its own pace; a scrape reads the last count and never waits for the database. */
export function gaugeTick({ database, telemetry }: LoopWorld): () => Promise<void> {
  let queue: QueueMeasure | undefined;
  let workers = new Map<string, number>();
  telemetry.gauge("cowork_queue_depth", () =>
    Object.entries(queue?.depth ?? {}).map(([status, value]) => ({ value, labels: { status } })),
  );
  telemetry.gauge("cowork_queue_age_seconds_max", () =>
    queue ? [{ value: queue.oldestReadySeconds, labels: {} }] : [],
  );
  telemetry.gauge("cowork_workers", () =>
    workerStatuses.map((status) => ({ value: workers.get(status) ?? 0, labels: { status } })),
  );
  return async () => {
    queue = await measureQueue(database.db);
    workers = new Map((await countWorkers(database.db)).map(({ status, count }) => [status, count]));
  };
}
