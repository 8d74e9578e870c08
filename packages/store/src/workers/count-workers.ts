import type { WorkerStatus } from "@open-cowork/contracts/lifecycles";
import type { Db } from "../database/open.ts";

/** How many workers stand in each state, for the operator's gauges. */
export async function countWorkers(db: Db): Promise<Array<{ status: WorkerStatus; count: number }>> {
  return db
    .selectFrom("cowork.workers")
    .select((eb) => ["status", eb.fn.countAll<number>().as("count")])
    .groupBy("status")
    .execute();
}
