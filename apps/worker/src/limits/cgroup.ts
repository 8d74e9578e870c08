import { readFileSync } from "node:fs";
import { mkdir, readFile, rmdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { newId } from "@open-cowork/contracts/ids";
import { endCgroup } from "./end-cgroup.ts";
import type { Allowance, Limits, RuntimeGroup } from "./limits.ts";

/**
 * Control groups of both versions. The groups of runtimes lie below the worker's own, so that whatever limits the worker
 * (a service manager, a container) limits them with it.
 *
 *   v2  one tree; the worker must have been given its part of it (systemd: Delegate=yes), and steps aside into a group
 *       of its own, because a group that has groups below it may hold no process itself
 *   v1  a tree for each controller, in which root may make groups
 */
interface Hierarchy {
  /** The worker's own group, in each tree that is needed. */
  bases: string[];
  /** What to write where, in the order of `bases`. */
  settings(allowance: Allowance): Array<Record<string, string>>;
  /** The file of the first base that counts what the kernel has ended for want of memory. */
  killsIn: string;
}

const mount = "/sys/fs/cgroup";

/** In words, why there are none for us. */
export async function openCgroups(allowance: Allowance): Promise<Limits | string> {
  try {
    const hierarchy = (await findV2()) ?? (await findV1());
    if (typeof hierarchy === "string") return hierarchy;
    const limits: Limits = { kind: "cgroup", open: (name) => openGroup(hierarchy, allowance, name) };
    // Nothing tells but trying.
    await (await limits.open(newId())).close();
    return limits;
  } catch (error) {
    const { code, path } = error as NodeJS.ErrnoException;
    return `this worker can make no control groups (${code ?? (error as Error).message}${path ? ` at ${path}` : ""})`;
  }
}

async function openGroup(hierarchy: Hierarchy, allowance: Allowance, name: string): Promise<RuntimeGroup> {
  const folders = hierarchy.bases.map((base) => join(base, `cowork-${name}`));
  try {
    for (const [index, settings] of hierarchy.settings(allowance).entries()) {
      await mkdir(folders[index]!);
      for (const [file, value] of Object.entries(settings)) await writeFile(join(folders[index]!, file), value);
    }
  } catch (error) {
    for (const folder of folders) await rmdir(folder).catch(() => {});
    throw error;
  }
  const kills = () => Number(/^oom_kill (\d+)/m.exec(readFileSync(join(folders[0]!, hierarchy.killsIn), "utf8"))?.[1]);
  return {
    folders,
    enter: async (pid) => {
      for (const folder of folders) await writeFile(join(folder, "cgroup.procs"), String(pid));
    },
    verdict: () => {
      try {
        return kills() > 0 ? `it took more memory than the ${allowance.memoryBytes / 2 ** 20} MB it may have` : null;
      } catch {
        // Closed already.
        return null;
      }
    },
    close: () => endCgroup(folders),
  };
}

async function findV2(): Promise<Hierarchy | null> {
  const own = await ownGroup("");
  if (own === null) return null;
  const base = join(mount, own);
  const offered = await readFile(join(base, "cgroup.controllers"), "utf8").catch(() => "");
  if (!/\bmemory\b/.test(offered) || !/\bpids\b/.test(offered)) return null;
  if (!(await readFile(join(base, "cgroup.subtree_control"), "utf8")).includes("memory")) {
    await mkdir(join(base, "cowork-worker"), { recursive: true });
    await writeFile(join(base, "cowork-worker", "cgroup.procs"), String(process.pid));
    await writeFile(join(base, "cgroup.subtree_control"), "+memory +pids");
  }
  return {
    bases: [base],
    settings: ({ memoryBytes, tasks }) => [{ "memory.max": String(memoryBytes), "pids.max": String(tasks) }],
    killsIn: "memory.events",
  };
}

async function findV1(): Promise<Hierarchy | string> {
  const [memory, pids] = await Promise.all([ownGroup("memory"), ownGroup("pids")]);
  if (memory === null || pids === null) return "this machine has no control groups for memory and processes";
  return {
    bases: [join(mount, "memory", memory), join(mount, "pids", pids)],
    settings: ({ memoryBytes, tasks }) => [
      { "memory.limit_in_bytes": String(memoryBytes) },
      { "pids.max": String(tasks) },
    ],
    killsIn: "memory.oom_control",
  };
}

/** Of this process, in the tree of a controller, or with "" in that of version 2. */
async function ownGroup(controller: string): Promise<string | null> {
  const lines = (await readFile("/proc/self/cgroup", "utf8").catch(() => "")).trim().split("\n");
  for (const line of lines) {
    const [, controllers, path] = /^\d+:([^:]*):(.*)$/.exec(line) ?? [];
    if (controllers?.split(",").includes(controller)) return path!;
  }
  return null;
}
