import { schedulerConfig, services } from "@open-cowork/contracts/config/services";
import { openDatabase } from "@open-cowork/store/database/open";
import { selfCheck } from "@open-cowork/store/database/self-check";
import { startOpsServer } from "@open-cowork/telemetry/ops-server";
import { runService, StartRefused } from "@open-cowork/telemetry/run-service";
import { startLoop } from "./loops/loop.ts";
import { decisionTick } from "./loops/decisions.ts";
import { gaugeTick } from "./loops/gauges.ts";
import { houseTick } from "./loops/house.ts";
import { promotionTick } from "./loops/promotion.ts";
import { roleTick } from "./loops/roles.ts";
import { recoveryTick } from "./loops/recovery.ts";
import { stuckBackendsTick } from "./loops/stuck-backends.ts";
import { sealTick } from "./loops/seal.ts";
import { workerHealthTick } from "./loops/worker-health.ts";

/** How often queue and workers are counted for the operator: often enough for an alert, rarely enough to cost nothing. */
const gaugesMs = 5_000;

/** How often what has had its time is removed. */
const houseMs = 60_000;

/** How often the services' database roles are looked at. */
const rolesMs = 30_000;

/** How often committed audit rows are chained. */
const sealMs = 1_000;

await runService({
  role: "scheduler",
  schema: schedulerConfig,
  about: services.scheduler.about,
  start: async ({ config, telemetry, stopping }) => {
    const database = openDatabase({
      ...config.database,
      applicationName: "cowork-scheduler",
      onQuery: (pool, seconds, outcome) => telemetry.observe("cowork_db_query_seconds", seconds, { pool, outcome }),
    });
    const problems = await selfCheck(database, "scheduler");
    if (problems.length > 0) throw new StartRefused(problems);

    const ops = await startOpsServer({
      ...config.ops,
      telemetry,
      ready: async () => {
        await database.probe();
        return { ok: true };
      },
    });
    const world = { database, telemetry };
    // Each at its own pace, so that a slow one delays no other.
    const loops = [
      startLoop("stuck backends", config.recoveryMs, () => stuckBackendsTick(world, config.lease.ttlMs), {
        telemetry,
        stopping,
      }),
      startLoop("recovery", config.recoveryMs, () => recoveryTick(world), { telemetry, stopping }),
      startLoop("promotion", config.recoveryMs, () => promotionTick(world), { telemetry, stopping }),
      startLoop("decisions", config.recoveryMs, () => decisionTick(world), { telemetry, stopping }),
      startLoop("worker health", config.recoveryMs, () => workerHealthTick(world, config.unhealthyAfterMs), {
        telemetry,
        stopping,
      }),
      startLoop("audit sealer", sealMs, () => sealTick(world), { telemetry, stopping }),
      startLoop("housekeeping", houseMs, () => houseTick(world, config.retention), { telemetry, stopping }),
      startLoop("roles", rolesMs, roleTick(world), { telemetry, stopping }),
      startLoop("gauges", gaugesMs, gaugeTick(world), { telemetry, stopping }),
    ];
    return {
      close: async () => {
        await Promise.all(loops);
        await ops.close();
        await database.close();
      },
    };
  },
});
