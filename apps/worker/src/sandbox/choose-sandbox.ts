import { existsSync } from "node:fs";
import type { Sandbox } from "./sandbox.ts";
import { attestSandbox } from "./attest.ts";
import { openBubblewrap } from "./bubblewrap.ts";
import { findProgram } from "./find-program.ts";
import { noSandbox } from "./no-sandbox.ts";
import type { ProgramFiles } from "./shared-folder.ts";

/** Which sandbox this worker runs agents in; one line for a person when it is none, or when it may not start. */
export type Chosen = { sandbox: Sandbox; warning: string | null } | { refused: string };

export async function chooseSandbox(options: {
  wish: "auto" | "bubblewrap" | "none";
  tier: "development" | "production";
  workerRoot: string;
  firstUid: number;
  files: ProgramFiles;
}): Promise<Chosen> {
  const { wish, tier, files } = options;
  if (wish === "none" && tier === "production") {
    return {
      refused: "tier production refuses sandbox none, which does not confine agents: remove OPEN_COWORK_CLOUD_SANDBOX",
    };
  }
  const opened = wish === "none" ? "it was wished so" : await tryBubblewrap(options);
  if (typeof opened !== "string") return { sandbox: opened, warning: null };
  if (wish === "bubblewrap" || tier === "production") return { refused: `agents can't be confined: ${opened}` };
  return {
    sandbox: noSandbox(files),
    warning: `sandbox none: agents run without confinement as this worker's own user, and without a shell; for development only (${opened})`,
  };
}

/** The sandbox, or why there is none and what to do about it. */
async function tryBubblewrap(options: {
  workerRoot: string;
  firstUid: number;
  files: ProgramFiles;
}): Promise<Sandbox | string> {
  if (process.platform !== "linux") return "bubblewrap exists on Linux only";
  const bubblewrap = findProgram("bwrap");
  if (bubblewrap === null) return "bubblewrap is not installed: apt-get install bubblewrap";
  const missing = ["/usr/bin/unshare", "/usr/bin/setpriv", "/usr/bin/mount", "/bin/bash"].filter(
    (path) => !existsSync(path),
  );
  if (missing.length > 0) return `${missing.join(" and ")} must exist: apt-get install util-linux mount bash`;
  try {
    const sandbox = await openBubblewrap({ ...options, bubblewrap });
    const problem = await attestSandbox(sandbox, options.workerRoot);
    return problem === null ? sandbox : explain(problem);
  } catch (error) {
    // Root of a container, for example, that may not give its files to anybody else.
    return explain((error as Error).message.split("\n")[0]!);
  }
}

/** Most often it is the machine that forbids what sandboxes are made of. */
function explain(problem: string): string {
  if (problem.includes("can't be given")) return `${problem}: start the worker as an ordinary user`;
  if (!/permitted|permission|denied|no space left|user namespace/i.test(problem)) return problem;
  return `this machine allows no user namespaces (${problem}): set the sysctl kernel.apparmor_restrict_unprivileged_userns=0 or kernel.unprivileged_userns_clone=1, or start a container with --security-opt seccomp=unconfined --security-opt systempaths=unconfined`;
}
