import { readFileSync } from "node:fs";
import { every, systemClock } from "@open-cowork/contracts/clock";
import type { WorkerConfig } from "@open-cowork/contracts/config/services";
import { newId, type BootId, type WorkerId } from "@open-cowork/contracts/ids";
import { Secret } from "@open-cowork/secrets/secret";
import { openDatabase } from "@open-cowork/store/database/open";
import { selfCheck } from "@open-cowork/store/database/self-check";
import { workerWarmUp } from "@open-cowork/store/worker-api/warm-up";
import { startOpsServer } from "@open-cowork/telemetry/ops-server";
import { StartRefused } from "@open-cowork/telemetry/run-service";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import { startAttempt, type Attempt } from "./attempt/run-attempt.ts";
import { startBroker } from "./broker/broker.ts";
import { createAdmission } from "./lanes/admission.ts";
import { startClaimLoop } from "./lanes/claim-loop.ts";
import { startHeartbeatLoop } from "./lanes/heartbeat-loop.ts";
import { createRuntimePool, type RuntimePool } from "./lanes/runtime-pool.ts";
import { chooseLimits } from "./limits/limits.ts";
import { freeMemoryMb } from "./limits/memory.ts";
import { isSpareName } from "./lanes/spares.ts";
import { openWorkerRoot } from "./lanes/worker-root.ts";
import { engineVersion, proveEngineBinary } from "./runtime/binary.ts";
import { engineFiles } from "./runtime/engine-files.ts";
import { permissionsIn } from "./runtime/permissions.ts";
import { permissionsOf } from "./runtime/policy.ts";
import { openRegistry } from "./runtime/registry.ts";
import { removeUngiven } from "./runtime/session-directory.ts";
import { chooseSandbox } from "./sandbox/choose-sandbox.ts";

/** Of the worker's side of `worker_api_v1`; the plane may refuse a process that speaks an older one. */
const protocol = "1";
/** Idle processes that may stay beside the busy ones. */
const idleRuntimes = 3;
const idleLookMs = 2_000;
/** Of the grace period, what is kept for giving work back and ending processes; half of it when it is short. */
const drainMarginMs = 12_000;

/** The hands: claims work and runs OpenCode. Serves once this resolves; `close` drains. */
export async function startWorker(context: {
  config: WorkerConfig;
  telemetry: Telemetry;
  stopping: AbortSignal;
}): Promise<{ close(): Promise<void> }> {
  const { config, telemetry, stopping } = context;
  const { log } = telemetry;
  const root = await openWorkerRoot(config.root);
  if ("heldBy" in root) {
    throw new StartRefused([
      `the worker with pid ${root.heldBy} already uses ${config.root}: set OPEN_COWORK_CLOUD_ROOT to another directory`,
    ]);
  }

  const { transactionPooler } = config.database;
  const database = openDatabase({
    ...config.database,
    applicationName: "cowork-worker",
    transactionPooler,
    warmUp: workerWarmUp,
    onQuery: (pool, seconds, outcome) => telemetry.observe("cowork_db_query_seconds", seconds, { pool, outcome }),
  });
  const [problems] = await Promise.all([selfCheck(database, "worker"), refuseUnprovenBinary()]);
  if (problems.length > 0) {
    await database.close();
    await root.release();
    throw new StartRefused(problems);
  }

  const bootId = newId<"boot">() as BootId;
  const workerId = config.workerId as WorkerId;
  const registry = openRegistry(root.path, bootId);
  const orphans = await registry.endOrphans();
  await removeUngiven(root.path, isSpareName);
  if (orphans.length > 0) log.warn({ sessions: orphans }, "ended the runtimes that an earlier process left behind");
  const chosen = await chooseSandbox({
    wish: config.sandbox,
    tier: config.tier,
    workerRoot: root.path,
    firstUid: config.sandboxFirstUid,
    files: engineFiles(),
  });
  if ("refused" in chosen) {
    await database.close();
    await root.release();
    throw new StartRefused([chosen.refused]);
  }
  const { sandbox } = chosen;
  if (chosen.warning !== null) log.warn(chosen.warning);
  const { memoryMb, tasks } = config.limits;
  const { limits, why } = await chooseLimits({ memoryBytes: memoryMb * 2 ** 20, tasks });
  if (limits.kind !== "cgroup") {
    if (config.tier === "production") {
      await database.close();
      await root.release();
      throw new StartRefused([`tier production needs control groups, which hold agents to their limits: ${why}`]);
    }
    log.warn(`limits ${limits.kind}: ${why}`);
  }

  const broker = startBroker({
    upstream: config.model.baseUrl,
    apiKey: config.model.apiKey === undefined ? null : new Secret(config.model.apiKey),
    onRequest: (outcome) => telemetry.count("cowork_broker_requests_total", { outcome }),
  });
  const { startMs, idleMs, silentMs, spares } = config.runtime;
  const most = config.lanes + idleRuntimes + spares;
  const permitted = permissionsIn(sandbox.kind);
  const pool = createRuntimePool({
    workerRoot: root.path,
    broker,
    sandbox,
    limits,
    memory: { ...config.limits, free: freeMemoryMb },
    modelId: config.model.id,
    registry,
    telemetry,
    startMs,
    idleMs,
    spares,
    // A profile that says more has its runtimes started cold.
    sparePermissions: permissionsOf({ permissions: [] }, permitted),
    most,
  });

  let isProven = false;
  const ready = async () => {
    if (!isProven) return { ok: false, reason: "OpenCode has not been started once yet" } as const;
    return database.probe().then(
      () => ({ ok: true }) as const,
      (error: unknown) => ({ ok: false, reason: (error as Error).message }) as const,
    );
  };
  const ops = await startOpsServer({ ...config.ops, telemetry, ready });
  await proveRuntime(pool, stopping);
  isProven = true;

  const attempts = new Set<Attempt>();
  telemetry.gauge("cowork_attempts_active", () => [{ value: attempts.size, labels: {} }]);
  const draining = new AbortController();
  const tools = { database, telemetry, pool, lease: config.lease, silentMs, permitted, draining: draining.signal };

  const admission = createAdmission({ lanes: config.lanes, busy: () => attempts.size, pool, telemetry });
  const claims = startClaimLoop({
    database,
    telemetry,
    credential: config.workerCredential,
    bootId,
    lease: config.lease,
    pollMs: config.pollMs,
    freeLanes: () => admission.freeLanes(),
    onClaimed: (claimed, claimedAt) => {
      const attempt = startAttempt(claimed, claimedAt, tools);
      attempts.add(attempt);
      database.notify("events", claimed.lease.sessionId);
      void attempt.done.then(() => {
        attempts.delete(attempt);
        claims.wake();
      });
    },
    stopping,
  });
  database.listen("ready", () => claims.wake());
  database.listen("signals", (sessions) => {
    for (const attempt of attempts) {
      // Nothing named: some may have been missed.
      if (sessions === "" || sessions.includes(attempt.claimed.lease.sessionId)) attempt.renewNow();
    }
  });

  const heartbeats = startHeartbeatLoop({
    database,
    telemetry,
    workerId,
    credential: config.workerCredential,
    everyMs: config.heartbeatMs,
    report: () => ({
      bootId,
      versions: { openCowork: planeVersion(), opencode: engineVersion(), protocol },
      capabilities: [`sandbox:${sandbox.kind}`, `limits:${limits.kind}`],
      load: admission.load(),
      activeWorkIds: [...attempts].slice(0, 200).map((attempt) => attempt.claimed.lease.workId),
      draining: stopping.aborted,
      lastError: null,
    }),
  });
  const stopLooking = every(idleLookMs, () => {
    if (stopping.aborted) return;
    pool.tend().catch((error: unknown) => log.error({ err: error }, "idle runtimes could not be looked after"));
  });
  return {
    async close() {
      // From now, and not from when the database has answered: the grace period runs already.
      const graceMs = config.shutdownGraceMs;
      const patience = systemClock
        .sleep(graceMs - Math.min(drainMarginMs, graceMs / 2), draining.signal)
        .catch(() => {});
      await Promise.race([Promise.all([claims.done, heartbeats.beat()]), patience]);
      const settled = async () => {
        while (attempts.size > 0) await Promise.all([...attempts].map((attempt) => attempt.done));
      };
      await Promise.race([settled(), patience]);
      if (attempts.size > 0) log.warn({ attempts: attempts.size }, "giving running turns back");
      draining.abort();
      await claims.done;
      await settled();
      stopLooking();
      heartbeats.stop();
      await pool.close();
      await broker.close();
      await ops.close();
      await database.close();
      await root.release();
    },
  };
}

/** All rooms are released as one, under the version of the root. */
function planeVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}

/** The way that work goes, before any is claimed: the first spare starts, answers, has a session and hears of a prompt. */
async function proveRuntime(pool: RuntimePool, stopping: AbortSignal): Promise<void> {
  const giveUp = () => void pool.close();
  stopping.addEventListener("abort", giveUp, { once: true });
  try {
    await pool.prove();
  } catch (error) {
    stopping.throwIfAborted();
    throw new Error(`OpenCode can't be run here: ${(error as Error).message}`, { cause: error });
  } finally {
    stopping.removeEventListener("abort", giveUp);
  }
}

async function refuseUnprovenBinary(): Promise<void> {
  await proveEngineBinary().catch((error: Error) => {
    throw new StartRefused([error.message]);
  });
}
