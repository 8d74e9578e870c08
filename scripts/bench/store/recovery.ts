import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { systemClock, within } from "@open-cowork/contracts/clock";
import { freePort } from "@open-cowork/testkit/free-port";
import { finishWork } from "@open-cowork/store/worker-api/finish-work";
import { percentile, type Bench } from "../harness.ts";
import { BenchPlane } from "./plane.ts";
import { WorkerLoop } from "./worker-loop.ts";

const ttlMs = 3_000;
const graceMs = 2_000;
const giveUpMs = 60_000;
const ownerProcess = fileURLToPath(new URL("owner-process.ts", import.meta.url));
const schedulerProcess = fileURLToPath(new URL("../../../apps/scheduler/src/main.ts", import.meta.url));

const harms = {
  "killed (SIGKILL)": { hold: false, harm: (owner: ChildProcess) => owner.kill("SIGKILL") },
  "frozen (SIGSTOP)": { hold: false, harm: (owner: ChildProcess) => owner.kill("SIGSTOP") },
  // Since it has said that it holds the lane: the harm is done.
  "sitting in a transaction": { hold: true, harm: () => {} },
  "frozen in a transaction": { hold: true, harm: (owner: ChildProcess) => owner.kill("SIGSTOP") },
} as const;
type Harm = keyof typeof harms;
type Metric = `re-claimed, owner ${Harm}`;

/** From the harm to a live owner until another worker has the work, with the real scheduler process at its own pace. */
export function recoveryBench(serverUrl: string, quick: boolean): Bench<Metric> {
  const goal = (ttlMs + graceMs) / 1_000;
  const metrics = Object.fromEntries(
    (Object.keys(harms) as Harm[]).map((harm) => [`re-claimed, owner ${harm}`, { unit: "s", goal }]),
  ) as Bench<Metric>["metrics"];
  return {
    name: `recovery, most of all times (lease TTL ${ttlMs / 1_000} s)`,
    runs: 1,
    metrics,
    contestants: [{ name: "ours", run: () => measureRecovery(serverUrl, quick ? 1 : 5) }],
  };
}

async function measureRecovery(serverUrl: string, times: number): Promise<Record<Metric, number>> {
  const plane = await BenchPlane.create(serverUrl, "bench_recovery", { workerConnections: 4 });
  const scheduler = await startScheduler(plane);
  const measured: Partial<Record<Metric, number>> = {};
  try {
    for (const harm of Object.keys(harms) as Harm[]) {
      const waits: number[] = [];
      for (let n = 0; n < times; n += 1) waits.push(await reclaimed(plane, harm));
      // Every time, so the worst one counts.
      measured[`re-claimed, owner ${harm}`] = percentile(waits, 100) / 1_000;
    }
    return measured as Record<Metric, number>;
  } finally {
    scheduler.kill("SIGTERM");
    await plane.close();
  }
}

async function reclaimed(plane: BenchPlane, name: Harm): Promise<number> {
  const { hold, harm } = harms[name];
  const [owned, healthy] = [await plane.enrol("owner"), await plane.enrol("healthy")];
  const session = await plane.newSession();
  await plane.enqueue(session);
  const owner = await startOwner(plane, owned, hold);
  const again = Promise.withResolvers<number>();
  const loop = new WorkerLoop({
    plane,
    database: plane.worker,
    worker: healthy,
    lanes: 1,
    ttlMs,
    onClaimed: async ({ lease }, atMs) => {
      if (lease.sessionId === session) again.resolve(atMs);
      await finishWork(plane.worker.db, { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
    },
  });
  try {
    // Anywhere between two renewals, and anywhere between two ticks.
    await systemClock.sleep(hold ? 0 : Math.random() * 2_000);
    const from = systemClock.monotonicMs();
    harm(owner);
    return (await within(giveUpMs, `the re-claim after an owner was ${name}`, again.promise)) - from;
  } finally {
    owner.kill("SIGKILL");
    await loop.stop();
  }
}

async function startOwner(
  plane: BenchPlane,
  { credential, bootId }: { credential: string; bootId: string },
  hold: boolean,
): Promise<ChildProcess> {
  const options = ["--credential", credential, "--boot", bootId, "--ttl", String(ttlMs), ...(hold ? ["--hold"] : [])];
  const owner = spawn(process.execPath, [ownerProcess, ...options], {
    env: { ...process.env, BENCH_WORKER_URL: plane.urls.worker },
    stdio: ["ignore", "pipe", "inherit"],
  });
  await within(giveUpMs, "a worker process", once(owner.stdout, "data"));
  return owner;
}

async function startScheduler(plane: BenchPlane): Promise<ChildProcess> {
  const port = await freePort();
  const scheduler = spawn(process.execPath, [schedulerProcess], {
    env: {
      ...process.env,
      OPEN_COWORK_CLOUD_DATABASE_URL: plane.urls.scheduler,
      OPEN_COWORK_CLOUD_LEASE_TTL_MS: String(ttlMs),
      OPEN_COWORK_CLOUD_LEASE_RENEW_MS: String(ttlMs / 3),
      OPEN_COWORK_CLOUD_LEASE_MARGIN_MS: "500",
      OPEN_COWORK_CLOUD_OPS_PORT: String(port),
      OPEN_COWORK_CLOUD_TELEMETRY_LOG_LEVEL: "error",
    },
    stdio: ["ignore", "ignore", "inherit"],
  });
  const giveUpAt = systemClock.monotonicMs() + giveUpMs;
  const isReady = () =>
    fetch(`http://127.0.0.1:${port}/readyz`).then(
      (answer) => answer.ok,
      () => false,
    );
  while (!(await isReady())) {
    if (systemClock.monotonicMs() > giveUpAt || scheduler.exitCode !== null)
      throw new Error("the scheduler did not start");
    await systemClock.sleep(100);
  }
  return scheduler;
}
