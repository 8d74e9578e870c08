import { sealAudit } from "@open-cowork/store/audit/seal-audit";
import type { LoopWorld } from "./world.ts";

/** A backlog of this many pieces is caught up with in one tick; the rest waits for the next. */
const piecesPerTick = 20;

/** Chains committed audit rows, and gives each head to the log: outside of the database that it vouches for. */
export async function sealTick({ database, telemetry }: LoopWorld): Promise<void> {
  for (let piece = 0, more = true; more && piece < piecesPerTick; piece += 1) {
    const sealing = await sealAudit(database.db);
    more = sealing.more;
    for (const { rows, ...head } of sealing.sealed) {
      telemetry.count("cowork_audit_rows_sealed_total", {}, rows);
      telemetry.log.info({ ...head, rows }, "audit sealed");
    }
  }
}
