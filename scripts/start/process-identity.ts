import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";

/**
 * Names one process for ever. A pid alone is recycled; a pid with its start time is not, within one boot of the
 * machine. What can't be proven by all three is somebody else's process.
 */
export interface ProcessIdentity {
  pid: number;
  startTime: string;
  machineBootId: string;
}

/** Null when there is no such process, or only its zombie. */
export function identify(pid: number): ProcessIdentity | null {
  const startTime = process.platform === "linux" ? startTimeFromProc(pid) : startTimeFromPs(pid);
  return startTime === null ? null : { pid, startTime, machineBootId: machineBootId() };
}

export function isAlive(recorded: ProcessIdentity): boolean {
  const present = identify(recorded.pid);
  return (
    present !== null && present.startTime === recorded.startTime && present.machineBootId === recorded.machineBootId
  );
}

function startTimeFromProc(pid: number): string | null {
  try {
    // The second field is the command in parentheses and may hold anything, so fields are counted from its end.
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
    const [state] = fields;
    return state === "Z" || state === "X" ? null : fields[22 - 3]!;
  } catch {
    return null;
  }
}

function startTimeFromPs(pid: number): string | null {
  try {
    const [state, ...started] = run("ps", ["-o", "stat=,lstart=", "-p", String(pid)])
      .trim()
      .split(/\s+/);
    return !state || state.startsWith("Z") ? null : started.join(" ");
  } catch {
    return null;
  }
}

let bootId: string | undefined;

function machineBootId(): string {
  bootId ??=
    process.platform === "linux"
      ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
      : run("sysctl", ["-n", "kern.boottime"]).trim();
  return bootId;
}

function run(command: string, args: string[]): string {
  return execFileSync(command, args, {
    encoding: "utf8",
    env: { PATH: process.env["PATH"] ?? "", LC_ALL: "C" },
    timeout: 5_000,
  });
}
