import { parseArgs } from "node:util";
import { eventually } from "@open-cowork/testkit/eventually";
import { startScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { pidOf } from "../plane/running-plane.ts";
import { harnessOptions, percentile, runBenches, type Bench, type Metric } from "./harness.ts";
import { runsSuite, suites } from "./worker/agent-shell.ts";
import { answers } from "./worker/answers.ts";
import { startBenchPlane, type BenchPlane } from "./worker/bench-plane.ts";
import { enginePid, leftovers, residentMb, treeMb } from "./worker/footprint.ts";
import { aborts, acceptances, freshSessions } from "./worker/prompts.ts";
import { clocked, stream } from "./worker/streaming.ts";

/**
 * What the hands cost a person who waits: a real plane, real OpenCode, only the model is played. Times are taken from
 * the spans of the services themselves. `--quick` takes fewer samples; `--only` takes some of the parts.
 */
const { values } = parseArgs({
  options: { ...harnessOptions, quick: { type: "boolean", default: false }, only: { type: "string" } },
  strict: true,
});
const many = values.quick ? 4 : 20;
const model = await startScriptedModel({ scripts: { clocked, suite: runsSuite } });
const left: string[] = [];
/** An idle runtime is looked for every two seconds, and ending one may take some. */
const goneMs = 30_000;

const cold: Bench<string> = {
  name: "cold runtimes",
  runs: 1,
  metrics: {
    "claim to prompt accepted, cold, p50": { unit: "ms", goal: 2_500 },
    "claim to prompt accepted, cold, p95": { unit: "ms" },
    "spawn to listening, p50": { unit: "ms" },
    "processes and files left by ended runtimes": { unit: "rows", goal: 0 },
  },
  contestants: [{ name: "open-cowork", run: () => on({ RUNTIME_IDLE_MS: "1", RUNTIME_SPARES: "0" }, coldSessions) }],
  notes: () => left,
};

async function coldSessions(plane: BenchPlane) {
  const sessions = await freshSessions(plane, many, { ready: () => noneLive(plane) });
  const { cold: accepted = [] } = Object.fromEntries(await acceptances(plane, many));
  const listening = await listeningMs(plane, many);
  await noneLive(plane);
  const { processes, files } = leftovers(plane.root, sessions);
  left.push(...processes, ...files);
  return {
    "claim to prompt accepted, cold, p50": percentile(accepted, 50),
    "claim to prompt accepted, cold, p95": percentile(accepted, 95),
    "spawn to listening, p50": percentile(listening, 50),
    "processes and files left by ended runtimes": processes.length + files.length,
  };
}

const sandbox: Bench<string> = {
  name: "the sandbox",
  runs: 1,
  metrics: {
    "spawn to listening, sandboxed, p50": { unit: "ms" },
    "spawn to listening, without, p50": { unit: "ms" },
    "the sandbox adds, p50": { unit: "ms", goal: 100 },
    "a test suite by the agent, against by hand": { unit: "x", goal: 1.05 },
    "a test suite by hand": { unit: "ms" },
  },
  contestants: [{ name: "open-cowork", run: sandboxCost }],
};

async function sandboxCost() {
  const settings = { RUNTIME_IDLE_MS: "1", RUNTIME_SPARES: "0" };
  const [listening, bare] = await on({ ...settings, SANDBOX: "bubblewrap" }, (confined) =>
    on({ ...settings, SANDBOX: "none" }, async (open) => {
      // In turns, so that what the machine does meanwhile hits both.
      for (let nth = 0; nth < many; nth += 1) {
        for (const plane of [confined, open]) {
          await freshSessions(plane, 1);
          await noneLive(plane);
        }
      }
      return [await listeningMs(confined, many), await listeningMs(open, many)] as const;
    }),
  );
  const { inside, outside } = await on({}, (plane) => suites(plane, many));
  return {
    "spawn to listening, sandboxed, p50": percentile(listening, 50),
    "spawn to listening, without, p50": percentile(bare, 50),
    "the sandbox adds, p50": percentile(listening, 50) - percentile(bare, 50),
    // The quickest of each: what else the machine does only ever adds.
    "a test suite by the agent, against by hand": Math.min(...inside) / Math.min(...outside),
    "a test suite by hand": Math.min(...outside),
  };
}

async function listeningMs(plane: BenchPlane, atLeast: number): Promise<number[]> {
  return (await plane.spans("opencode listens", atLeast)).map(({ startMs, endMs }) => endMs - startMs);
}

const warm: Bench<string> = {
  name: "warm runtimes",
  runs: 1,
  metrics: {
    "claim to prompt accepted, warm, p50": { unit: "ms", goal: 150 },
    "claim to prompt accepted, warm, p95": { unit: "ms", goal: 400 },
    "start and warm-up of a spare, p50": { unit: "ms" },
    "memory of a spare": { unit: "MB" },
  },
  contestants: [{ name: "open-cowork", run: () => on({ RUNTIME_IDLE_MS: "1" }, warmSessions) }],
};

async function warmSessions(plane: BenchPlane) {
  // Each session waits for its spare, which is told by the span that ends with it.
  const ready = async (nth: number) => {
    await plane.spans("warm-up", nth + 1);
    await eventually("only the spare is left", () => plane.live().length === 1, { withinMs: goneMs });
  };
  await freshSessions(plane, many, { ready });
  await ready(many);
  const { warm: accepted = [] } = Object.fromEntries(await acceptances(plane, many));
  if (accepted.length < many) throw new Error(`only ${accepted.length} of ${many} sessions met a spare`);
  const started = (await plane.spans("warm-up", many)).map(({ startMs, endMs }) => endMs - startMs);
  return {
    "claim to prompt accepted, warm, p50": percentile(accepted, 50),
    "claim to prompt accepted, warm, p95": percentile(accepted, 95),
    "start and warm-up of a spare, p50": percentile(started, 50),
    "memory of a spare": treeMb(enginePid(plane.root, plane.live()[0]!)),
  };
}

const live: Bench<string> = {
  name: "live sessions",
  runs: 1,
  metrics: {
    "claim to prompt accepted, live, p50": { unit: "ms" },
    "claim to prompt accepted, live, p95": { unit: "ms", goal: 100 },
    "stop to OpenCode's answer, p95": { unit: "ms", goal: 250 },
    "OpenCode's event to frame, p50": { unit: "ms" },
    "OpenCode's event to frame, p95": { unit: "ms", goal: 40 },
    "model's word to frame, p95": { unit: "ms" },
    "worker resident, besides its runtimes": { unit: "MB", goal: 150 },
    "memory of a live session": { unit: "MB" },
    ...fourLanes(),
  },
  contestants: [{ name: "open-cowork", run: () => on({ RUNTIME_SPARES: "0" }, liveSessions) }],
};

const asks: Bench<string> = {
  name: "asks of agents",
  runs: 1,
  metrics: {
    "approval to OpenCode, p50": { unit: "ms" },
    "approval to OpenCode, p95": { unit: "ms", goal: 250 },
    "answer to OpenCode, p50": { unit: "ms" },
    "answer to OpenCode, p95": { unit: "ms", goal: 250 },
  },
  contestants: [{ name: "open-cowork", run: () => on({ RUNTIME_SPARES: "0" }, answeredAsks) }],
};

async function answeredAsks(plane: BenchPlane) {
  const approved = await answers(plane, "approval", many);
  const answered = await answers(plane, "question", many);
  return {
    "approval to OpenCode, p50": percentile(approved, 50),
    "approval to OpenCode, p95": percentile(approved, 95),
    "answer to OpenCode, p50": percentile(answered, 50),
    "answer to OpenCode, p95": percentile(answered, 95),
  };
}

function fourLanes(): Record<string, Metric> {
  return {
    "four lanes: claim to prompt accepted, live, p95": { unit: "ms" },
    "four lanes: OpenCode's event to frame, p95": { unit: "ms" },
  };
}

async function liveSessions(plane: BenchPlane) {
  const [sessionId] = (await freshSessions(plane, 1)) as [string];
  for (let nth = 0; nth < many; nth += 1) await plane.turn(sessionId, "[script:text] and again");
  const { live: accepted = [] } = Object.fromEntries(await acceptances(plane, 1 + many));
  const stopped = await aborts(plane, sessionId, many);
  const streamed = await stream(plane, [sessionId]);
  const weight = treeMb(enginePid(plane.root, sessionId));

  const four = [sessionId, ...(await freshSessions(plane, 3, { lanes: 3 }))];
  const before = (await acceptances(plane, 1)).get("live")!.length;
  const together = await stream(plane, four);
  for (let nth = 0; nth < many / 4; nth += 1)
    await Promise.all(four.map((each) => plane.turn(each, "[script:text] all at once")));
  const all = (await acceptances(plane, 1 + many + many + 1 + 3 + 4 + 4 * (many / 4))).get("live")!;
  return {
    "claim to prompt accepted, live, p50": percentile(accepted, 50),
    "claim to prompt accepted, live, p95": percentile(accepted, 95),
    "stop to OpenCode's answer, p95": percentile(stopped, 95),
    "OpenCode's event to frame, p50": percentile(streamed.addedMs, 50),
    "OpenCode's event to frame, p95": percentile(streamed.addedMs, 95),
    "model's word to frame, p95": percentile(streamed.throughMs, 95),
    "worker resident, besides its runtimes": residentMb(pidOf(plane.root, "worker")!),
    "memory of a live session": weight,
    "four lanes: claim to prompt accepted, live, p95": percentile(all.slice(before), 95),
    "four lanes: OpenCode's event to frame, p95": percentile(together.addedMs, 95),
  };
}

async function on<T>(settings: Record<string, string>, run: (plane: BenchPlane) => Promise<T>): Promise<T> {
  const plane = await startBenchPlane(model.baseUrl, settings);
  try {
    return await run(plane);
  } finally {
    await plane.stop();
  }
}

function noneLive(plane: BenchPlane): Promise<unknown> {
  return eventually("every runtime has ended", () => plane.live().length === 0, { withinMs: goneMs });
}

const benches: Record<string, Bench<string>> = { cold, sandbox, warm, live, asks };
const chosen = values.only === undefined ? Object.keys(benches) : values.only.split(",");
const unknown = chosen.filter((name) => !benches[name]);
if (unknown.length > 0) throw new Error(`--only takes ${Object.keys(benches).join(", ")}`);
const isMet = await runBenches(
  chosen.map((name) => benches[name]!),
  values,
);
await model.close();
process.exit(isMet ? 0 : 1);
