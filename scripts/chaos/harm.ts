import { readFileSync } from "node:fs";
import { systemClock } from "@open-cowork/contracts/clock";
import { pidOf } from "../plane/running-plane.ts";
import { runtimesOf } from "../start/runtimes.ts";
import type { Seeded } from "./seeded.ts";

type Victim = "worker" | "web" | "scheduler" | "runtime" | "backend" | "postmaster";

interface Harm {
  victim: Victim;
  /** KILL, TERM and QUIT end it; STOP freezes it for longer than a lease lives, then lets it go on. */
  signal: "SIGKILL" | "SIGTERM" | "SIGQUIT" | "SIGSTOP";
  weight: number;
}

const harms: Harm[] = [
  { victim: "worker", signal: "SIGKILL", weight: 4 },
  { victim: "worker", signal: "SIGSTOP", weight: 4 },
  { victim: "worker", signal: "SIGTERM", weight: 2 },
  { victim: "web", signal: "SIGKILL", weight: 2 },
  { victim: "web", signal: "SIGSTOP", weight: 1 },
  { victim: "scheduler", signal: "SIGKILL", weight: 2 },
  { victim: "scheduler", signal: "SIGSTOP", weight: 1 },
  { victim: "runtime", signal: "SIGKILL", weight: 3 },
  { victim: "runtime", signal: "SIGSTOP", weight: 1 },
  { victim: "backend", signal: "SIGTERM", weight: 2 },
  { victim: "backend", signal: "SIGKILL", weight: 1 },
  // What `pg_ctl stop -m immediate` sends.
  { victim: "postmaster", signal: "SIGQUIT", weight: 1 },
];
const lottery = harms.flatMap((harm) => Array.from({ length: harm.weight }, () => harm));

/** Harms the plane by the schedule of its seed until the signal aborts. Nothing is left frozen. */
export async function harmUntil(
  stop: AbortSignal,
  options: { root: string; random: Seeded; frozenMs: number; say: (line: string) => void },
): Promise<number> {
  const { root, random, frozenMs, say } = options;
  const thaws: Promise<void>[] = [];
  let done = 0;
  while (!stop.aborted) {
    await systemClock.sleep(random.between(1_000, 4_000), stop).catch(() => {});
    if (stop.aborted) break;
    const { victim, signal } = random.pick(lottery);
    // Drawn whether or not the victim is there, so that the schedule depends on the seed alone.
    const share = random.next();
    const pids = pidsOf(root, victim);
    const pid = pids[Math.floor(share * pids.length)];
    if (pid === undefined || !send(pid, signal)) continue;
    done += 1;
    say(`${signal} ${victim} (pid ${pid})`);
    if (signal === "SIGSTOP")
      thaws.push(
        systemClock
          .sleep(frozenMs, stop)
          .catch(() => {})
          .then(() => void send(pid, "SIGCONT")),
      );
  }
  await Promise.all(thaws);
  return done;
}

function pidsOf(root: string, victim: Victim): number[] {
  if (victim === "runtime") return runtimesOf(root).map(({ pid }) => pid);
  const pid = pidOf(root, victim === "backend" || victim === "postmaster" ? "postgres" : victim);
  if (pid === null) return [];
  return victim === "backend" ? backendsOf(pid) : [pid];
}

/** Only those that serve a client: killing the writer or the checkpointer is the same as an immediate stop. */
function backendsOf(postmaster: number): number[] {
  try {
    const children = readFileSync(`/proc/${postmaster}/task/${postmaster}/children`, "utf8")
      .trim()
      .split(" ")
      .map(Number);
    return children.filter((pid) => readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("127.0.0.1"));
  } catch {
    return [];
  }
}

function send(pid: number, signal: NodeJS.Signals): boolean {
  try {
    return process.kill(pid, signal);
  } catch {
    return false;
  }
}
