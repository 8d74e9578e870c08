import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { readFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { parseArgs } from "node:util";
import { ConfigError, loadConfig } from "@open-cowork/contracts/config/load";
import { knownEnv, workerCheckConfig, type WorkerCheckConfig } from "@open-cowork/contracts/config/services";
import { runAgentSteps } from "./agent-steps.ts";
import { machineSteps } from "./machine-steps.ts";
import { walk } from "./steps.ts";

const exits = { ok: 0, failed: 1, misconfigured: 2 } as const;
const help = `cowork-worker check: goes the way that work goes, and prints each step with its time.

  --provider  asks the configured model provider instead of a built-in model that has one answer
  --help      prints this

Exits 0 when everything works, 1 at the first step that does not, 2 when the settings are wrong.
`;

/** `cowork-worker check`, for whoever sets up a machine, and for images. */
export async function runCheck(args: string[]): Promise<number> {
  const say = (line: string) => process.stdout.write(`${line}\n`);
  const complain = (lines: string[]) => process.stderr.write(lines.map((line) => `cowork-worker: ${line}\n`).join(""));
  let flags: { help: boolean; provider: boolean };
  let config: WorkerCheckConfig;
  try {
    const options = {
      help: { type: "boolean", default: false },
      provider: { type: "boolean", default: false },
    } as const;
    flags = parseArgs({ args, options, strict: true }).values;
    if (flags.help) {
      process.stdout.write(help);
      return exits.ok;
    }
    const readFile = (path: string) => readFileSync(path, "utf8");
    config = loadConfig(workerCheckConfig, { env: process.env, readFile, knownEnv });
  } catch (error) {
    complain(error instanceof ConfigError ? error.problems : [(error as Error).message]);
    return exits.misconfigured;
  }
  // Where work would be, so that the file system is the one that sessions will have.
  const parent = resolve(config.root, "worker");
  await mkdir(parent, { recursive: true, mode: 0o700 });
  const root = await realpath(await mkdtemp(join(parent, "check-")));
  try {
    if (!(await walk(machineSteps(config), say))) return exits.failed;
    return (await runAgentSteps({ config, root, useProvider: flags.provider, say })) ? exits.ok : exits.failed;
  } finally {
    await rm(root, { recursive: true, force: true });
  }
}
