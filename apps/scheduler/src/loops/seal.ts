import { sealAudit } from "@open-cowork/store/audit/seal-audit";
import type { LoopWorld } from "./world.ts";

/** Chains committed audit rows, and gives each head to the log: outside of the database that it vouches for. */
export async function sealTick({ database, telemetry }: LoopWorld): Promise<void> {
  for (const { chain, sealNo, rows, head } of await sealAudit(database.db)) {
    telemetry.count("cowork_audit_rows_sealed_total", {}, rows);
    telemetry.log.info({ chain, sealNo, rows, head }, "audit sealed");
  }
}
