import type { WorkerHeartbeat } from "@open-cowork/contracts/http";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import type { RuntimePool } from "./runtime-pool.ts";

/**
 * How much work this process may ask for. What it has no memory for it does not claim: waiting in the queue costs a
 * piece of work nothing, and another worker may have room, while an attempt that fails here would count.
 */
export interface Admission {
  freeLanes(): number;
  load(): WorkerHeartbeat["load"];
}

export function createAdmission(options: {
  lanes: number;
  busy(): number;
  pool: Pick<RuntimePool, "room">;
  telemetry: Pick<Telemetry, "count" | "log">;
}): Admission {
  const { lanes, busy, pool, telemetry } = options;
  let isShort = false;

  return {
    freeLanes() {
      const free = lanes - busy();
      const admitted = Math.min(free, pool.room());
      const wasShort = isShort;
      isShort = free > 0 && admitted === 0;
      // Once per change: it is looked at every second.
      if (isShort && !wasShort) {
        telemetry.count("cowork_refusals_total", { reason: "capacity_unavailable" });
        telemetry.log.warn({ busy: busy() }, "too little memory is free for another session: claiming nothing");
      }
      return admitted;
    },
    load: () => ({ lanes, busy: busy(), ...(isShort && { shortOf: "memory" as const }) }),
  };
}
