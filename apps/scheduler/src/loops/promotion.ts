import { promoteDueWork } from "@open-cowork/store/work/promote-due-work";
import { settleReadyWork } from "@open-cowork/store/work/settle-ready-work";
import type { LoopWorld } from "./world.ts";

const rowsPerTick = 200;

/** Promotes what had to wait for its time. What nobody should have had to wait for is counted as a defect. */
export async function promotionTick({ database, telemetry }: LoopWorld): Promise<void> {
  const { promoted, missed } = await promoteDueWork(database.db, rowsPerTick);
  if (missed > 0) {
    telemetry.count("cowork_promotions_by_tick_total", {}, missed);
    telemetry.log.error({ missed }, "work was due that enqueue and finish should have promoted");
  }
  const settled = await settleReadyWork(database.db, rowsPerTick);
  if (promoted + settled > 0) database.notify("ready");
}
