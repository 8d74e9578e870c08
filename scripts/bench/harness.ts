import { parseArgs } from "node:util";

/**
 * What a bench is: contestants that each yield the same metrics, run interleaved, so that what the machine does
 * meanwhile hits all of them alike. The first contestant is ours; goals are for it.
 */
export interface Bench<M extends string> {
  name: string;
  runs: number;
  metrics: Record<M, { unit: "ms" | "s" | "MB"; goal?: number }>;
  contestants: Array<{ name: string; run: () => Promise<Record<M, number>> }>;
}

export interface Row {
  metric: string;
  value: number;
  unit: string;
  /** Our median divided by each peer's. */
  ratioTo: Record<string, number>;
  goal: number | null;
  ok: boolean;
}

/** Prints a table, or with --json the rows; exits 1 when a goal was missed. */
export async function runBench<M extends string>(bench: Bench<M>): Promise<never> {
  const { values } = parseArgs({
    options: { json: { type: "boolean", default: false }, runs: { type: "string" } },
    strict: true,
  });
  const runs = values.runs === undefined ? bench.runs : Number(values.runs);
  if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs takes a whole number from 1");
  const measured = await measure(bench, runs, (line) => process.stderr.write(`${line}\n`));
  const rows = summarise(bench, measured);
  process.stdout.write(values.json ? `${JSON.stringify(rows, null, 2)}\n` : table(bench, measured, rows));
  process.exit(rows.every((row) => row.ok) ? 0 : 1);
}

/** Samples by contestant and metric. */
export type Measured = Map<string, Map<string, number[]>>;

export async function measure<M extends string>(
  bench: Bench<M>,
  runs: number,
  say: (line: string) => void,
): Promise<Measured> {
  const measured: Measured = new Map();
  for (let run = 1; run <= runs; run += 1) {
    for (const { name, run: runOnce } of bench.contestants) {
      say(`${bench.name}: ${name}, run ${run} of ${runs}`);
      const samples = measured.get(name) ?? new Map<string, number[]>();
      measured.set(name, samples);
      for (const [metric, value] of Object.entries<number>(await runOnce())) {
        samples.set(metric, [...(samples.get(metric) ?? []), value]);
      }
    }
  }
  return measured;
}

export function summarise<M extends string>(bench: Bench<M>, measured: Measured): Row[] {
  const [own, ...peers] = bench.contestants;
  return (Object.keys(bench.metrics) as M[]).map((metric) => {
    const { unit, goal = null } = bench.metrics[metric];
    const value = percentile(measured.get(own!.name)!.get(metric)!, 50);
    const ratioTo = Object.fromEntries(
      peers.map(({ name }) => [name, value / percentile(measured.get(name)!.get(metric)!, 50)]),
    );
    return { metric, value, unit, ratioTo, goal, ok: goal === null || value <= goal };
  });
}

/** Nearest rank on a copy in order: always a value that was measured. */
export function percentile(samples: readonly number[], percent: number): number {
  const ordered = [...samples].sort((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil((percent / 100) * ordered.length) - 1)]!;
}

function table<M extends string>(bench: Bench<M>, measured: Measured, rows: Row[]): string {
  const lines = rows.flatMap(({ metric, unit, goal, ok }) =>
    bench.contestants.map(({ name }, index) => {
      const samples = measured.get(name)!.get(metric)!;
      const spread = `${round(Math.min(...samples))}–${round(Math.max(...samples))}`;
      const verdict = index > 0 || goal === null ? "" : `goal ≤ ${goal} ${unit}  ${ok ? "ok" : "MISSED"}`;
      const who = bench.contestants.length > 1 ? `${metric} (${name})` : metric;
      return `${who.padEnd(34)} ${`${round(percentile(samples, 50))} ${unit}`.padStart(12)}   ${spread.padEnd(16)} ${verdict}`.trimEnd();
    }),
  );
  return [`${"metric".padEnd(34)} ${"median".padStart(12)}   ${"spread".padEnd(16)}`.trimEnd(), ...lines, ""].join(
    "\n",
  );
}

function round(value: number): string {
  return value.toFixed(value < 100 ? 1 : 0);
}
