import { jittered, systemClock } from "@open-cowork/contracts/clock";
import type { WorkerHeartbeat } from "@open-cowork/contracts/http";
import type { WorkerId } from "@open-cowork/contracts/ids";
import type { Database } from "@open-cowork/store/database/open";
import { heartbeat } from "@open-cowork/store/worker-api/heartbeat";
import type { Telemetry } from "@open-cowork/telemetry/set-up";

export interface HeartbeatLoop {
  /** Says so now instead of at the next beat. */
  beat(): Promise<void>;
  stop(): void;
}

/** Tells the plane that this process lives, what it runs and how busy it is. */
export function startHeartbeatLoop(options: {
  database: Database;
  telemetry: Telemetry;
  workerId: WorkerId;
  credential: string;
  everyMs: number;
  report(): Omit<WorkerHeartbeat, "seq">;
}): HeartbeatLoop {
  const { database, telemetry, workerId, credential } = options;
  const stopped = new AbortController();
  let seq = 0;

  const beat = async () => {
    seq += 1;
    try {
      const outcome = await heartbeat(database.db, { workerId, credential, body: { ...options.report(), seq } });
      if (outcome.ok) return;
      telemetry.count("cowork_refusals_total", { reason: outcome.reason });
      telemetry.log.warn({ reason: outcome.reason }, "the heartbeat was refused");
    } catch (error) {
      telemetry.log.warn({ err: error }, "the heartbeat did not arrive");
    }
  };

  const loop = async () => {
    while (!stopped.signal.aborted) {
      await beat();
      await systemClock.sleep(jittered(options.everyMs, 0.1), stopped.signal).catch(() => {});
    }
  };
  void loop();
  return { beat, stop: () => stopped.abort() };
}
