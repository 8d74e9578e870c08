import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@open-cowork/contracts/clock";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { runtimesOf } from "./runtimes.ts";

export type PartName = "postgres" | "model" | "web" | "scheduler" | "worker";

interface Entry extends ProcessIdentity {
  role: PartName;
}

const politeMs = 10_000;
const killedMs = 5_000;

/**
 * One file per process that this root started, so that a start after a SIGKILL of the launcher finds what outlived it.
 * Synchronous on purpose: between a spawn and its line on disk nothing else may happen.
 */
export class Registry {
  readonly directory: string;
  readonly #root: string;

  constructor(root: string) {
    this.#root = root;
    this.directory = join(root, "run");
    mkdirSync(this.directory, { recursive: true, mode: 0o700 });
  }

  record(role: PartName, pid: number): void {
    const identity = identify(pid);
    // It died between spawn and here: nothing to find later.
    if (!identity) return;
    writeEntry(this.#file(role), { ...identity, role } satisfies Entry);
  }

  forget(role: PartName, pid: number): void {
    if (this.#read(role)?.pid === pid) rmSync(this.#file(role), { force: true });
  }

  /** Ends what a killed launcher left behind, and only that. Returns the names of what was ended. */
  async endOrphans(): Promise<PartName[]> {
    const files = readdirSync(this.directory).filter((file) => file.endsWith(".json"));
    const entries = files.map((file) => this.#read(file.slice(0, -".json".length))).filter((entry) => entry !== null);
    const alive = entries.filter(isAlive);
    // The database last, because the others drain into it.
    await Promise.all(alive.filter((entry) => entry.role !== "postgres").map(endProcess));
    await Promise.all(alive.filter((entry) => entry.role === "postgres").map(endProcess));
    for (const file of files) rmSync(join(this.directory, file), { force: true });
    return alive.map((entry) => entry.role);
  }

  /** At once and without asking; only what is proven to be ours. */
  killAll(): void {
    for (const file of readdirSync(this.directory)) {
      const entry = this.#read(file.replace(/\.json$/, ""));
      if (!entry || !isAlive(entry)) continue;
      // Postgres ends its backends itself on QUIT, and recovers at its next start.
      if (entry.role === "postgres") signal(entry.pid, "SIGQUIT");
      else signal(-entry.pid, "SIGKILL");
    }
    // After the worker, which might have started another one; it has no time left to end them itself.
    for (const runtime of runtimesOf(this.#root)) if (isAlive(runtime)) signal(-runtime.pid, "SIGKILL");
  }

  #file(name: string): string {
    return join(this.directory, `${name}.json`);
  }

  #read(name: string): Entry | null {
    try {
      const entry = JSON.parse(readFileSync(this.#file(name), "utf8")) as Partial<Entry>;
      const complete =
        Number.isInteger(entry.pid) && entry.pid! > 1 && entry.startTime && entry.machineBootId && entry.role;
      return complete ? (entry as Entry) : null;
    } catch {
      return null;
    }
  }
}

/** Whole or not at all, so that a kill in between leaves no half entry. */
export function writeEntry(file: string, value: unknown): void {
  writeFileSync(`${file}.new`, `${JSON.stringify(value)}\n`, { mode: 0o600 });
  renameSync(`${file}.new`, file);
}

async function endProcess(entry: Entry): Promise<void> {
  // Postgres waits for its clients on TERM; INT is its fast and clean way down.
  signal(entry.pid, entry.role === "postgres" ? "SIGINT" : "SIGTERM");
  if (await gone(entry, politeMs)) return;
  // Each part leads its own process group; the proof still holds here, so the group is ours too.
  signal(-entry.pid, "SIGKILL");
  if (await gone(entry, killedMs)) return;
  throw new Error(`${entry.role} (pid ${entry.pid}) of an earlier start could not be ended`);
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

async function gone(entry: Entry, withinMs: number): Promise<boolean> {
  const giveUpAt = systemClock.monotonicMs() + withinMs;
  while (isAlive(entry)) {
    if (systemClock.monotonicMs() >= giveUpAt) return false;
    await systemClock.sleep(20);
  }
  return true;
}
