import { readFile, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { systemClock } from "@open-cowork/contracts/clock";

const lookMs = 20;
const endMs = 5_000;

/**
 * Ends everything in a runtime's control groups and removes them: also what has left its process group, or whose leader
 * is gone. Only groups that carry our mark.
 */
export async function endCgroup(folders: readonly string[]): Promise<void> {
  for (const folder of folders.filter((path) => /^\/sys\/fs\/cgroup\/.*\/cowork-[\w-]+$/.test(path))) {
    const giveUpAt = systemClock.monotonicMs() + endMs;
    for (;;) {
      const pids = await readFile(join(folder, "cgroup.procs"), "utf8").catch(() => "");
      for (const pid of pids.trim().split("\n").filter(Boolean)) end(Number(pid));
      try {
        await rmdir(folder);
        break;
      } catch (error) {
        const { code } = error as NodeJS.ErrnoException;
        if (code === "ENOENT") break;
        if (code !== "EBUSY" || systemClock.monotonicMs() >= giveUpAt) throw error;
      }
      await systemClock.sleep(lookMs);
    }
  }
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It has ended since.
  }
}
