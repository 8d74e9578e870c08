import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { processesOf } from "../../plane/running-plane.ts";

/** Megabytes of the process itself. */
export function residentMb(pid: number): number {
  return Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))![1]) / 1_024;
}

/** Megabytes of a process and everything below it, what they share counted once. */
export function treeMb(root: number): number {
  const children = Map.groupBy(
    readdirSync("/proc")
      .filter((name) => /^\d+$/.test(name))
      .map(Number),
    parentOf,
  );
  const tree = [root];
  for (const pid of tree) tree.push(...(children.get(pid) ?? []));
  return tree.reduce((sum, pid) => sum + proportionalKb(pid), 0) / 1_024;
}

function parentOf(pid: number): number {
  const text = read(`/proc/${pid}/stat`);
  return Number(text.slice(text.lastIndexOf(")") + 2).split(" ")[1]);
}

function proportionalKb(pid: number): number {
  return Number(/^Pss:\s+(\d+) kB/m.exec(read(`/proc/${pid}/smaps_rollup`))?.[1] ?? 0);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    // It has ended since.
    return "";
  }
}

/**
 * What a root's ended runtimes have left: processes, their records, sockets and control groups. The directories of the
 * sessions stay: they are what a session goes on with.
 */
export function leftovers(root: string, sessions: readonly string[]): { processes: string[]; files: string[] } {
  const worker = join(root, "worker");
  const processes = processesOf(join(worker, "sessions")).map(({ pid, command }) => `${pid} ${command.slice(0, 80)}`);
  const files = readdirSync(worker, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isSocket() || entry.parentPath.endsWith("/runtimes"))
    .map((entry) => join(entry.parentPath, entry.name));
  const groups = readFileSync("/proc/self/cgroup", "utf8")
    .trim()
    .split("\n")
    .map((line) => line.split(":") as [string, string, string])
    .flatMap(([, controller, path]) =>
      sessions.map((each) => join("/sys/fs/cgroup", controller, path, `cowork-${each}`)),
    );
  return { processes, files: [...files, ...groups.filter((folder) => existsSync(folder))] };
}

/** The runtime's first process, from the worker's own record. */
export function enginePid(root: string, name: string): number {
  return (JSON.parse(readFileSync(join(root, "worker", "runtimes", `${name}.json`), "utf8")) as { pid: number }).pid;
}
