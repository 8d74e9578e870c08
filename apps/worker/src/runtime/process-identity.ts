import { execFile } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { promisify } from "node:util";

/**
 * A pid alone proves nothing: it is reused, and after a reboot it always names something else. A process is the same
 * one only if its pid, its start time and the machine's boot agree.
 */
const psMs = 5_000;
const run = promisify(execFile);

/** Null when there is no such process. */
export async function processStartTime(pid: number): Promise<string | null> {
  if (process.platform !== "linux") return firstLine("ps", ["-o", "lstart=", "-p", String(pid)]);
  return (await readStat(pid))?.startTime ?? null;
}

/** Null when the machine does not say; then nothing can be proven, and nothing is ended. */
export async function machineBootId(): Promise<string | null> {
  if (process.platform !== "linux") return firstLine("sysctl", ["-n", "kern.boottime"]);
  return readFile("/proc/sys/kernel/random/boot_id", "utf8").then(
    (text) => text.trim(),
    () => null,
  );
}

/** Every live process of the group. A zombie has ended; only its parent has not looked yet. */
export async function groupMembers(pgid: number): Promise<number[]> {
  if (process.platform !== "linux") {
    const { stdout } = await run("ps", ["-axo", "pid=,pgid=,stat="], { timeout: psMs });
    const rows = stdout
      .trim()
      .split("\n")
      .map((line) => line.trim().split(/\s+/));
    return rows
      .filter(([, group, stat]) => Number(group) === pgid && !stat?.startsWith("Z"))
      .map(([pid]) => Number(pid));
  }
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(async (pid) => ({ pid, stat: await readStat(pid) })));
  return stats
    .filter(({ stat }) => stat?.pgid === pgid && stat.state !== "Z" && stat.state !== "X")
    .map(({ pid }) => pid);
}

async function readStat(pid: number): Promise<{ state: string; pgid: number; startTime: string } | null> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => null);
  if (text === null) return null;
  // Field 2 is the command in parentheses and may hold spaces and parentheses; what follows the last one is regular.
  const fields = text
    .slice(text.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
  const [state, , pgrp] = fields;
  return { state: state ?? "", pgid: Number(pgrp), startTime: fields[19] ?? "" };
}

async function firstLine(command: string, args: string[]): Promise<string | null> {
  try {
    const { stdout } = await run(command, args, { timeout: psMs });
    return stdout.trim().split("\n")[0]?.trim() || null;
  } catch {
    return null;
  }
}
