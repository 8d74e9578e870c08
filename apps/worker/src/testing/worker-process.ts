import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { within } from "@open-cowork/contracts/clock";
import { envPrefix } from "@open-cowork/contracts/config/setting";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";

/** `node apps/worker/src/main.ts`, as the launcher starts it. */
export interface WorkerProcess {
  child: ChildProcess;
  opsPort: number;
  /** What it has logged so far. */
  log(): string;
  stderr(): string;
  /** The code it exits with, or the signal that ended it. */
  exited: Promise<number | NodeJS.Signals | null>;
}

const mainPath = fileURLToPath(new URL("../main.ts", import.meta.url));

export async function spawnWorker(settings: Record<string, string>): Promise<WorkerProcess> {
  const opsPort = await freePort();
  const env: Record<string, string> = { PATH: process.env["PATH"] ?? "", HOME: process.env["HOME"] ?? "/" };
  for (const [name, value] of Object.entries({ OPS_PORT: String(opsPort), ...settings })) env[envPrefix + name] = value;
  const child = spawn(process.execPath, [mainPath], { env, stdio: ["ignore", "pipe", "pipe"] });
  const text = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (chunk: string) => (text[name] += chunk));
  }
  const exited = new Promise<number | NodeJS.Signals | null>((resolve) =>
    child.once("exit", (code, signal) => resolve(code ?? signal)),
  );
  return { child, opsPort, log: () => text.stdout, stderr: () => text.stderr, exited };
}

export async function startedWorker(settings: Record<string, string>): Promise<WorkerProcess> {
  const worker = await spawnWorker(settings);
  try {
    await eventually(
      "the worker is ready",
      async () => {
        if (worker.child.exitCode !== null) throw new Error(`it exited: ${worker.stderr()}`);
        return (await fetch(`http://127.0.0.1:${worker.opsPort}/readyz`)).ok;
      },
      // With a spare it has started an OpenCode by then.
      { withinMs: 90_000 },
    );
    return worker;
  } catch (error) {
    await endWorker(worker, "SIGTERM");
    throw error;
  }
}

export async function endWorker(
  worker: WorkerProcess | null,
  signal: NodeJS.Signals,
): Promise<number | NodeJS.Signals | null> {
  if (!worker) return null;
  if (worker.child.exitCode === null && worker.child.signalCode === null) worker.child.kill(signal);
  return within(60_000, "the worker's end", worker.exited);
}
