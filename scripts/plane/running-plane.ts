import { spawn, type ChildProcess } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock, within } from "@open-cowork/contracts/clock";

const launcher = fileURLToPath(new URL("../start/main.ts", import.meta.url));

/** `pnpm start` in a process of its own, as benches, chaos and tests drive it. */
export class RunningPlane {
  readonly child: ChildProcess;
  readonly exited: Promise<number | null>;
  output = "";

  constructor(command: string[], options: { env: Record<string, string | undefined>; cwd?: string }) {
    const [program, ...args] = command as [string, ...string[]];
    // A group of its own, so that a signal to it reaches npx, pnpm and the launcher alike, as a terminal's does.
    this.child = spawn(program, args, { ...options, detached: true, stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [this.child.stdout!, this.child.stderr!]) {
      stream.setEncoding("utf8").on("data", (text: string) => (this.output += text));
    }
    this.exited = new Promise((resolve) => this.child.once("close", (code) => resolve(code)));
  }

  static start(env: Record<string, string | undefined>): RunningPlane {
    return new RunningPlane([process.execPath, launcher], { env });
  }

  /** The printed sign-in link; throws with what was printed when the start failed. */
  async signInLink(withinMs: number): Promise<string> {
    const giveUpAt = systemClock.monotonicMs() + withinMs;
    for (;;) {
      const link = /Sign in\s+(\S+)/.exec(this.output)?.[1];
      if (link) return link;
      if (this.child.exitCode !== null || this.child.signalCode !== null)
        throw new Error(`the start failed:\n${this.output}`);
      if (systemClock.monotonicMs() > giveUpAt)
        throw new Error(`no sign-in link within ${withinMs} ms:\n${this.output}`);
      await systemClock.sleep(20);
    }
  }

  /** Like Ctrl-C in its terminal; resolves with the exit code. */
  async stop(signal: NodeJS.Signals = "SIGINT", withinMs = 60_000): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) process.kill(-this.child.pid!, signal);
    return within(withinMs, "the stop", this.exited);
  }
}

/** The process that runs this part now, from the launcher's registry. */
export function pidOf(root: string, part: string): number | null {
  try {
    return (JSON.parse(readFileSync(join(root, "run", `${part}.json`), "utf8")) as { pid: number }).pid;
  } catch {
    return null;
  }
}

/** Every live process that names this directory or writes its log there: what a stopped plane must not leave behind. */
export function processesOf(root: string): Array<{ pid: number; command: string }> {
  const read = (pid: number, file: string) => {
    try {
      const path = `/proc/${pid}/${file}`;
      return file === "fd/1" ? readlinkSync(path) : readFileSync(path, "utf8").replaceAll("\0", " ");
    } catch {
      return "";
    }
  };
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .filter((pid) => pid !== process.pid)
    .map((pid) => ({ pid, command: read(pid, "cmdline"), traces: [read(pid, "environ"), read(pid, "fd/1")] }))
    .filter(({ command, traces }) => command !== "" && [command, ...traces].some((text) => text.includes(root)))
    .map(({ pid, command }) => ({ pid, command }));
}
