import { mkdir, readFile, realpath, rename, rm, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { z } from "zod";
import { machineBootId, processStartTime } from "../runtime/process-identity.ts";

/** Of the worker process that uses a root now. Two on one root would end each other's runtimes as orphans. */
const holder = z.object({ pid: z.number().int().positive(), processStartTime: z.string(), bootId: z.string() });

export interface WorkerRoot {
  path: string;
  release(): Promise<void>;
}

/** The pid of the process that holds this root when there is one. */
export async function openWorkerRoot(root: string): Promise<WorkerRoot | { heldBy: number }> {
  await mkdir(resolve(root, "worker"), { recursive: true, mode: 0o700 });
  // OpenCode speaks of real paths, and events are cleaned of exactly these.
  const path = await realpath(resolve(root, "worker"));
  const file = join(path, "holder.json");
  const bootId = await machineBootId();
  const earlier = await readHolder(file);
  if (earlier && earlier.pid !== process.pid && earlier.bootId === bootId) {
    if ((await processStartTime(earlier.pid)) === earlier.processStartTime) return { heldBy: earlier.pid };
  }
  const own = { pid: process.pid, processStartTime: (await processStartTime(process.pid)) ?? "", bootId: bootId ?? "" };
  await writeFile(`${file}.new`, JSON.stringify(own), { mode: 0o600 });
  await rename(`${file}.new`, file);
  return { path, release: () => rm(file, { force: true }) };
}

async function readHolder(file: string): Promise<z.infer<typeof holder> | null> {
  try {
    return holder.parse(JSON.parse(await readFile(file, "utf8")));
  } catch {
    return null;
  }
}
