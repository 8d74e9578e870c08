import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { within } from "@open-cowork/contracts/clock";
import type { PartName, Registry } from "./registry.ts";

/** Something that runs until it ends by itself or is stopped. */
export interface Running {
  pid: number;
  /** How it ended, in words. Never rejects. */
  exited: Promise<Exit>;
  /** Resolves once it is gone; after `graceMs` it is killed. */
  stop(graceMs: number): Promise<void>;
}

export interface Exit {
  code: number | null;
  words: string;
}

export interface Spawn {
  name: PartName;
  args: string[];
  env: Record<string, string>;
  logFile: string;
  registry: Registry;
}

/**
 * A process of its own group, so that Ctrl-C in the terminal reaches the launcher alone and the parts can be stopped
 * in order. Secrets travel in the environment, because every user of the machine can read argv.
 */
export function startPart({ name, args, env, logFile, registry }: Spawn): Running {
  const log = openSync(logFile, "a", 0o600);
  const child = spawn(process.execPath, args, { env, detached: true, stdio: ["ignore", log, log] });
  closeSync(log);
  const { pid } = child;
  if (pid !== undefined) registry.record(name, pid);

  const exited = new Promise<Exit>((resolve) => {
    child.once("error", (error) => resolve({ code: null, words: error.message }));
    child.once("exit", (code, signal) => resolve({ code, words: signal ?? `exit ${code}` }));
  });
  if (pid !== undefined) void exited.then(() => registry.forget(name, pid));

  return {
    pid: pid ?? 0,
    exited,
    async stop(graceMs) {
      child.kill("SIGTERM");
      const polite = await within(graceMs, name, exited).then(
        () => true,
        () => false,
      );
      if (polite || pid === undefined) return;
      process.kill(-pid, "SIGKILL");
      await exited;
    },
  };
}
