import { cpus, loadavg } from "node:os";
import { parseArgs } from "node:util";
import { harnessOptions, runBenches, type Bench } from "./harness.ts";
import { appendsBench } from "./store/appends.ts";
import { claimsBench } from "./store/claims.ts";
import { graphileQueue } from "./store/graphile.ts";
import { latencyBench } from "./store/latency.ts";
import { ourQueue } from "./store/ours.ts";
import { pgBossQueue } from "./store/pg-boss.ts";
import { startBenchPostgres } from "./store/postgres.ts";
import { recoveryBench } from "./store/recovery.ts";
import { turnsBench } from "./store/turns.ts";

const { values } = parseArgs({
  options: { ...harnessOptions, quick: { type: "boolean", default: false }, only: { type: "string" } },
  strict: true,
});

const postgres = await startBenchPostgres();
// It leads a process group of its own, so nobody else ends it.
for (const signal of ["SIGINT", "SIGTERM"] as const)
  process.once(signal, () => void postgres.stop().finally(() => process.exit(1)));
const load = loadavg()[0]!;
process.stdout.write(
  values.json ? "" : `${postgres.about}; ${cpus().length} CPUs, load ${load.toFixed(1)} before the start\n\n`,
);
// Whoever keeps more processes runnable gets more of a machine that is busy with something else.
if (load > 0.5) process.stderr.write("the machine is busy with something else: these numbers compare little\n");
let ok = false;
try {
  const { adminUrl } = postgres;
  const queues = [await ourQueue(adminUrl), await graphileQueue(adminUrl), await pgBossQueue(adminUrl)];
  const all: Record<string, () => Bench<string>> = {
    latency: () => latencyBench(queues, values.quick),
    turns: () => turnsBench(queues, values.quick),
    claims: () => claimsBench(adminUrl, values.quick),
    appends: () => appendsBench(adminUrl, values.quick),
    recovery: () => recoveryBench(adminUrl, values.quick),
  };
  const only = values.only?.split(",") ?? Object.keys(all);
  ok = await runBenches(
    only.map((name) => all[name]!()),
    values,
  );
} finally {
  await postgres.stop();
}
process.exit(ok ? 0 : 1);
