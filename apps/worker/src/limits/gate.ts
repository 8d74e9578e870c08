import type { ChildProcess } from "node:child_process";

/**
 * A command that waits, as a shell of the same pid, until it is let go. In between it is written down and put into its
 * control group: so no process runs that the next worker could not find, and none gets out before it is in. Should this
 * worker die meanwhile, the shell reads the end of its input and leaves.
 */
export function behindGate(command: readonly string[]): string[] {
  return ["/bin/sh", "-c", `read -r go && exec "$@" </dev/null`, "gate", ...command];
}

/** The command must have been started with a pipe as its input. */
export function letGo(child: ChildProcess): void {
  // One that has ended is told about by its exit.
  child.stdin!.on("error", () => {});
  child.stdin!.end("\n");
}
