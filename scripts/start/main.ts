import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { systemClock } from "@open-cowork/contracts/clock";
import { startConfig } from "@open-cowork/contracts/config/services";
import { ownVersion, readFlags } from "@open-cowork/telemetry/command-line";
import { settingsHelp } from "@open-cowork/telemetry/settings-help";
import { Plane, planeUrl } from "./plane.ts";
import { Progress, seconds } from "./progress.ts";
import { StartRefused } from "./refusal.ts";
import { claimRoot, openRoot } from "./root-directory.ts";
import { readSettings } from "./settings.ts";
import { listenForStop } from "./stop-signals.ts";

/** `pnpm start`: the whole plane on one machine, each part a process of its own. */
const repository = fileURLToPath(new URL("../..", import.meta.url));
const startedAt = systemClock.monotonicMs();
const progress = new Progress();
// A closed terminal or a pipe that ended must not take the plane down before it has drained.
for (const stream of [process.stdout, process.stderr]) stream.on("error", () => {});

try {
  const flags = readFlags();
  if (typeof flags === "string") throw new StartRefused(flags, 2);
  if (flags.help) process.stdout.write(settingsHelp("pnpm start", "the whole plane on one machine.", startConfig));
  else if (flags.version) process.stdout.write(`${ownVersion()}\n`);
  else await run();
} catch (error) {
  if (!(error instanceof StartRefused)) throw error;
  process.stderr.write(error.lines.map((line) => (line.startsWith(" ") ? `${line}\n` : `start: ${line}\n`)).join(""));
  process.exitCode = error.exitCode;
}
// Timers and streams of parts that are gone must not hold the terminal.
process.exit();

async function run(): Promise<void> {
  const settings = readSettings(process.env, (path) => readFileSync(path, "utf8"));
  const url = planeUrl(settings);
  const root = openRoot(settings.start.root, repository);
  const claim = claimRoot(root, { pid: process.pid, url });
  progress.line(`Open Cowork, data in ${root}\n`);

  const stopping = new AbortController();
  const plane = new Plane({ root, repository, settings, env: process.env, progress, stopping });
  const asked = listenForStop({
    onFirst: () => progress.line("\nStopping: running work comes to a good point first. Once more to force."),
    onForced: () => {
      plane.kill();
      process.exit(1);
    },
  });
  try {
    const ready = await Promise.race([plane.start(), asked]);
    if (ready) sayReady(url, ready.signInUrl, root);
    await asked;
  } finally {
    await plane.stop();
    claim.release();
  }
  progress.line("Stopped.");
}

function sayReady(url: string, signInUrl: string, root: string): void {
  progress.line(`
Ready in ${seconds(systemClock.monotonicMs() - startedAt)}: ${progress.strong(url)}

  Sign in    ${progress.strong(signInUrl)}
             (works once; start again for a new one)
  Then       type a prompt, for example: Write a haiku about durable agents
  Logs       ${root}/logs
  Stop       Ctrl-C (or: kill ${process.pid})
`);
}
