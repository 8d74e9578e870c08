import { execFileSync } from "node:child_process";
import { readdir, readFile, readlink, realpath } from "node:fs/promises";
import { basename, join } from "node:path";
import { systemClock } from "@open-cowork/contracts/clock";

export interface Postmaster {
  pid: number;
  port: number;
  /** It accepts connections: the postmaster itself says so in its lock file, where pg_ctl looks too. */
  ready: boolean;
}

/** What `postmaster.pid` says; the process may be long gone. */
export async function readLockFile(dataDir: string): Promise<Postmaster | null> {
  const text = await readFile(join(dataDir, "postmaster.pid"), "utf8").catch(() => "");
  const lines = text.split("\n");
  const pid = Number(lines[0]);
  if (!Number.isInteger(pid) || pid <= 1) return null;
  return { pid, port: Number(lines[3]), ready: lines[7]?.trim() === "ready" };
}

/**
 * The postmaster that runs on this directory now, or null. A lock file alone proves nothing, because pids are
 * recycled: the process must be a postgres that works in exactly this directory. Only then may a caller end it.
 */
export async function findPostmaster(dataDir: string): Promise<Postmaster | null> {
  const claimed = await readLockFile(dataDir);
  if (claimed === null) return null;
  return (await isPostgresOf(claimed.pid, dataDir)) ? claimed : null;
}

/**
 * Ends what a killed postmaster left behind. An idle backend notices by itself; one that computes would go on for as
 * long as its query takes, and postgres rightly does not start beside it. Only Linux can tell whose backend it is.
 */
export async function endOrphanBackends(dataDir: string): Promise<void> {
  if (process.platform !== "linux") return;
  const giveUpAt = systemClock.monotonicMs() + 5_000;
  for (;;) {
    const orphans = await backendsOf(dataDir);
    if (orphans.length === 0) return;
    const late = systemClock.monotonicMs() > giveUpAt;
    for (const pid of orphans) signal(pid, late ? "SIGKILL" : "SIGQUIT");
    if (late) return;
    await systemClock.sleep(50);
  }
}

async function backendsOf(dataDir: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const backends = await Promise.all(
    pids.map(async (pid) => {
      // A backend renames itself; a postmaster that just starts here keeps its command line, and is not ours to end.
      const command = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
      return command.startsWith("postgres: ") && (await isPostgresOf(pid, dataDir)) ? [pid] : [];
    }),
  );
  return backends.flat();
}

function signal(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name);
  } catch {
    // It is gone, which is what we want.
  }
}

async function isPostgresOf(pid: number, dataDir: string): Promise<boolean> {
  const directory = await realpath(dataDir);
  if (process.platform === "linux") {
    // A zombie has neither link, and counts as gone.
    const cwd = await readlink(`/proc/${pid}/cwd`).catch(() => "");
    const exe = await readlink(`/proc/${pid}/exe`).catch(() => "");
    return cwd === directory && basename(exe).startsWith("postgres");
  }
  try {
    const command = execFileSync("ps", ["-ww", "-o", "command=", "-p", String(pid)], { encoding: "utf8" });
    return command.includes("postgres") && (command.includes(dataDir) || command.includes(directory));
  } catch {
    return false;
  }
}
