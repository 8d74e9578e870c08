import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@open-cowork/contracts/clock";
import { freePort } from "@open-cowork/testkit/free-port";
import { PlaneClient } from "../plane/plane-client.ts";
import { pidOf, RunningPlane } from "../plane/running-plane.ts";
import { runBench } from "./harness.ts";

/**
 * What a newcomer waits for: clone, `npx -y pnpm start`, sign in, type, read. The first start has nothing but git, Node
 * and npm; the second has all of it; the third is left idle and weighed.
 */
const repository = fileURLToPath(new URL("../..", import.meta.url));
const idleMs = 10_000;
const coldStartMs = 600_000;
const answerMs = 120_000;

await runBench({
  name: "start",
  runs: 1,
  metrics: {
    "cold start to first answer": { unit: "s", goal: 120 },
    "warm start to first answer": { unit: "s", goal: 10 },
    "idle services resident": { unit: "MB", goal: 400 },
    "Ctrl-C to gone": { unit: "s" },
  },
  contestants: [{ name: "pnpm start", run: fromNothing }],
});

async function fromNothing() {
  const directory = mkdtempSync(join(tmpdir(), "open-cowork bench "));
  const clone = join(directory, "clone");
  const home = join(directory, "home");
  mkdirSync(home);
  execFileSync("git", ["clone", "--quiet", repository, clone]);
  const env = { ...freshEnv(home), OPEN_COWORK_CLOUD_PORT: String(await freePort()) };
  const start = () => new RunningPlane(["npx", "-y", "pnpm", "start"], { env, cwd: clone });
  try {
    const cold = await toFirstAnswer(start);
    const warm = await toFirstAnswer(start);
    const idle = start();
    await idle.signInLink(answerMs);
    await systemClock.sleep(idleMs);
    const resident = residentMb(join(clone, ".open-cowork"));
    const stopped = await timed(() => idle.stop());
    return {
      "cold start to first answer": cold,
      "warm start to first answer": warm,
      "idle services resident": resident,
      "Ctrl-C to gone": stopped,
    };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

async function toFirstAnswer(start: () => RunningPlane): Promise<number> {
  let plane: RunningPlane | undefined;
  try {
    return await timed(async () => {
      plane = start();
      const client = await PlaneClient.signIn(await plane.signInLink(coldStartMs));
      const { sessionId } = await client.createSession({ prompt: "Hello, who are you?" });
      await client.firstWords(sessionId, 1, answerMs);
    });
  } finally {
    await plane?.stop();
  }
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const from = systemClock.monotonicMs();
  await work();
  return (systemClock.monotonicMs() - from) / 1_000;
}

function residentMb(root: string): number {
  const kilobytes = ["web", "scheduler", "worker"].map((part) => {
    const status = readFileSync(`/proc/${pidOf(root, part)}/status`, "utf8");
    return Number(/VmRSS:\s+(\d+) kB/.exec(status)![1]);
  });
  return kilobytes.reduce((sum, each) => sum + each, 0) / 1_024;
}

/** What a fresh account has: the way to the network, no cache, no store, and not our own pinned tools. */
function freshEnv(home: string): Record<string, string | undefined> {
  const network = /^(https?_proxy|no_proxy|all_proxy|node_extra_ca_certs|ssl_cert_(file|dir)|git_ssl_cainfo|lang|tz)$/i;
  const kept = Object.entries(process.env).filter(([name]) => network.test(name));
  const own = [dirname(process.execPath), join(repository, "node_modules")];
  const path = (process.env["PATH"] ?? "")
    .split(":")
    .filter((entry) => !own.some((prefix) => entry.startsWith(prefix)) && !/pnpm|_npx/.test(entry));
  return { ...Object.fromEntries(kept), HOME: home, PATH: path.join(":") };
}
