import { execFile, spawn } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { behindGate, letGo } from "../limits/gate.ts";
import type { Sandbox } from "./sandbox.ts";
import type { ProgramFiles } from "./shared-folder.ts";

const prepareMs = 10_000;
const run = promisify(execFile);

/** For development, on machines that have nothing better: the program runs as the worker's own user. */
export function noSandbox(files: ProgramFiles): Sandbox {
  return {
    kind: "none",
    seen: ({ root, home, state, workspace }) => ({ root, home, config: join(home, ".config"), state, workspace }),

    async start({ folders, program, prepare, command, openModelDoor }) {
      for (const [name, text] of Object.entries(files.config)) {
        const path = join(folders.home, ".config", name);
        await mkdir(dirname(path), { recursive: true, mode: 0o700 });
        await writeFile(path, text);
      }
      // A HOME of its own: what the host's configuration names must not run here.
      const env = { PATH: process.env["PATH"] ?? "", HOME: folders.home, GIT_CONFIG_NOSYSTEM: "1" };
      await run("/bin/sh", ["-c", prepare], { cwd: folders.workspace, env, timeout: prepareMs });

      const door = await openModelDoor(null);
      const { args, env: given } = command({ port: 0, modelPort: door.port! });
      const gated = behindGate([program, ...args]);
      const child = spawn(gated[0]!, gated.slice(1), {
        cwd: folders.workspace,
        env: given,
        // A group of its own, so that it can be ended together with everything the agent starts.
        detached: true,
        stdio: ["pipe", "pipe", "pipe"],
      });
      return { child, socketPath: null, letGo: () => letGo(child), release: door.close };
    },
  };
}
