import { endStuckBackends } from "@open-cowork/store/leases/end-stuck-backends";
import type { LoopWorld } from "./world.ts";

/**
 * Ends worker connections that sit in a transaction. A loop of its own: what such a connection holds may be the very row
 * that another loop waits for.
 */
export async function stuckBackendsTick({ database, telemetry }: LoopWorld, leaseTtlMs: number): Promise<void> {
  const ended = await endStuckBackends(database.db, leaseTtlMs / 2);
  if (ended === 0) return;
  telemetry.count("cowork_stuck_backends_ended_total", {}, ended);
  telemetry.log.warn({ ended }, "worker connections sat in a transaction and were ended");
}
