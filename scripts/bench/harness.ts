import { parseArgs } from "node:util";

export interface Metric {
  unit: "ms" | "s" | "MB" | "/s" | "x" | "rows" | "commits";
  /** Ours must be at most this, or at least this where more is better. */
  goal?: number;
  moreIsBetter?: true;
  /** The same for our median divided by the better peer's. */
  goalAgainstPeers?: number;
}

/**
 * What a bench is: contestants that yield the same metrics, run interleaved, so that what the machine does meanwhile
 * hits all of them alike. The first contestant is ours; goals are for it. A peer may leave out what it does not have.
 */
export interface Bench<M extends string> {
  name: string;
  runs: number;
  metrics: Record<M, Metric>;
  contestants: Array<{ name: string; run: () => Promise<Partial<Record<M, number>>> }>;
  /** Lines under the table: what the numbers don't say. */
  notes?: () => string[];
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
  const { values } = parseArgs({ options: harnessOptions, strict: true });
  process.exit((await runBenches([bench], values)) ? 0 : 1);
}

/** What every bench takes; one with more of its own adds to these. */
export const harnessOptions = { json: { type: "boolean", default: false }, runs: { type: "string" } } as const;

/** One table per bench, in turn, each as soon as it is there; false when a goal was missed. */
export async function runBenches(
  benches: ReadonlyArray<Bench<string>>,
  options: { json: boolean; runs?: string | undefined },
): Promise<boolean> {
  const all: Row[] = [];
  for (const bench of benches) {
    const runs = options.runs === undefined ? bench.runs : Number(options.runs);
    if (!Number.isInteger(runs) || runs < 1) throw new Error("--runs takes a whole number from 1");
    const measured = await measure(bench, runs, (line) => process.stderr.write(`${line}\n`));
    const rows = summarise(bench, measured);
    all.push(...rows);
    const notes = (bench.notes?.() ?? []).map((note) => `  ${note}\n`).join("");
    if (!options.json) process.stdout.write(`${table(bench, measured, rows)}${notes}\n`);
  }
  if (options.json) process.stdout.write(`${JSON.stringify(all, null, 2)}\n`);
  return all.every((row) => row.ok);
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
      for (const [metric, value] of Object.entries((await runOnce()) as Record<string, number>)) {
        samples.set(metric, [...(samples.get(metric) ?? []), value]);
      }
    }
  }
  return measured;
}

export function summarise<M extends string>(bench: Bench<M>, measured: Measured): Row[] {
  const [own, ...peers] = bench.contestants;
  return (Object.keys(bench.metrics) as M[]).flatMap((metric) => {
    const { unit, goal = null, moreIsBetter = false, goalAgainstPeers } = bench.metrics[metric];
    const meets = (value: number, most: number) => (moreIsBetter ? value >= most : value <= most);
    const value = percentile(measured.get(own!.name)!.get(metric)!, 50);
    const theirs = peers.flatMap(({ name }) => {
      const samples = measured.get(name)!.get(metric);
      return samples ? [{ name, median: percentile(samples, 50) }] : [];
    });
    const ratioTo = Object.fromEntries(theirs.map(({ name, median }) => [name, value / median]));
    const row: Row = { metric, value, unit, ratioTo, goal, ok: goal === null || meets(value, goal) };
    if (goalAgainstPeers === undefined) return [row];
    const ratios = Object.values(ratioTo);
    const ratio = moreIsBetter ? Math.min(...ratios) : Math.max(...ratios);
    const against = {
      value: ratio,
      unit: "x",
      ratioTo: {},
      goal: goalAgainstPeers,
      ok: meets(ratio, goalAgainstPeers),
    };
    return [row, { metric: `${metric}, against the better peer`, ...against }];
  });
}

/** Nearest rank on a copy in order: always a value that was measured. */
export function percentile(samples: readonly number[], percent: number): number {
  const ordered = [...samples].sort((a, b) => a - b);
  return ordered[Math.max(0, Math.ceil((percent / 100) * ordered.length) - 1)]!;
}

function table<M extends string>(bench: Bench<M>, measured: Measured, rows: Row[]): string {
  const lines = rows.flatMap(({ metric, unit, value, goal, ok }) => {
    const spec = bench.metrics[metric as M] as Metric | undefined;
    const sign = (spec ?? against(bench, metric)).moreIsBetter ? "≥" : "≤";
    const verdict = goal === null ? "" : `goal ${sign} ${goal} ${unit}  ${ok ? "ok" : "MISSED"}`;
    if (!spec) return [line(metric, value, unit, "", verdict)];
    return bench.contestants.flatMap(({ name }, index) => {
      const samples = measured.get(name)!.get(metric);
      if (!samples) return [];
      const spread = `${round(Math.min(...samples))}–${round(Math.max(...samples))}`;
      const who = bench.contestants.length > 1 ? `${metric} (${name})` : metric;
      return [line(who, percentile(samples, 50), unit, spread, index > 0 ? "" : verdict)];
    });
  });
  return [`${bench.name.padEnd(58)} ${"median".padStart(12)}   spread`, ...lines, ""].join("\n");
}

function against<M extends string>(bench: Bench<M>, row: string): Metric {
  return bench.metrics[row.replace(/, against the better peer$/, "") as M];
}

function line(who: string, value: number, unit: string, spread: string, verdict: string): string {
  return `${who.padEnd(58)} ${`${round(value)} ${unit}`.padStart(12)}   ${spread.padEnd(16)} ${verdict}`.trimEnd();
}

function round(value: number): string {
  return value.toFixed(value < 10 ? 2 : value < 100 ? 1 : 0);
}
