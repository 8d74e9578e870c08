import { readdir, readFile } from "node:fs/promises";
import { every } from "@open-cowork/contracts/clock";
import type { Allowance, Limits } from "./limits.ts";

const lookMs = 1_000;

/** For machines without control groups: looks at each runtime every second, and ends one that takes too much. */
export function watchdog(allowance: Allowance): Limits {
  return {
    kind: "watchdog",
    async open() {
      let verdict: string | null = null;
      let stop = () => {};
      let isLooking = false;
      const look = async (pid: number) => {
        if (isLooking || verdict !== null) return;
        isLooking = true;
        try {
          const { memoryBytes, tasks } = await usageOf(pid);
          const most = allowance.memoryBytes / 2 ** 20;
          if (memoryBytes > allowance.memoryBytes) verdict = `it took more memory than the ${most} MB it may have`;
          if (tasks > allowance.tasks) verdict = `it had more than ${allowance.tasks} processes and threads`;
          if (verdict !== null) process.kill(-pid, "SIGKILL");
        } catch {
          // It has ended while it was looked at.
        } finally {
          isLooking = false;
        }
      };
      return {
        folders: [],
        enter: async (pid) => {
          stop = every(lookMs, () => void look(pid));
        },
        verdict: () => verdict,
        close: async () => stop(),
      };
    },
  };
}

/** Of a process and all that descend from it. What they share is counted once, where the kernel tells. */
async function usageOf(root: number): Promise<{ memoryBytes: number; tasks: number }> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const stats = await Promise.all(pids.map(async (pid) => ({ pid, ...(await statOf(pid)) })));
  const children = Map.groupBy(stats, ({ parent }) => parent);
  const tree = stats.filter(({ pid }) => pid === root);
  for (const { pid } of tree) tree.push(...(children.get(pid) ?? []));
  const kilobytes = await Promise.all(tree.map(({ pid }) => proportionalKb(pid)));
  return {
    memoryBytes: kilobytes.reduce((sum, each) => sum + each, 0) * 1024,
    tasks: tree.reduce((sum, { threads }) => sum + threads, 0),
  };
}

async function statOf(pid: number): Promise<{ parent: number; threads: number }> {
  const text = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { parent: Number(fields[1]), threads: Number(fields[17] ?? 0) };
}

async function proportionalKb(pid: number): Promise<number> {
  const exact = await readFile(`/proc/${pid}/smaps_rollup`, "utf8").catch(() => "");
  const pss = /^Pss:\s+(\d+) kB/m.exec(exact)?.[1];
  if (pss !== undefined) return Number(pss);
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return Number(/^VmRSS:\s+(\d+) kB/m.exec(status)?.[1] ?? 0);
}
