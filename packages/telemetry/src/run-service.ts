import { readFileSync } from "node:fs";
import type { z } from "zod";
import { within } from "@open-cowork/contracts/clock";
import { ConfigError, loadConfig } from "@open-cowork/contracts/config/load";
import { knownEnv } from "@open-cowork/contracts/config/services";
import type { Role } from "@open-cowork/contracts/metrics";
import { hideSecretShapes } from "@open-cowork/contracts/secret-shapes";
import { ownVersion, readFlags } from "./command-line.ts";
import { settingsHelp } from "./settings-help.ts";
import { setUpTelemetry, type Logger, type Telemetry } from "./set-up.ts";

/** What every service's settings have in common; `runService` itself needs these. */
interface CommonConfig {
  shutdownGraceMs: number;
  telemetry: { logLevel: string; otlpUrl?: string | undefined };
}

/** Thrown by `start` for what a person can put right: each line says what, and what to do next. */
export class StartRefused extends Error {
  override name = "StartRefused";
  readonly lines: string[];
  constructor(lines: string[]) {
    super(lines.join("\n"));
    this.lines = lines;
  }
}

/** Exit codes a launcher or an orchestrator may act on: restarting cures 1, and never 2 or 3. */
const exits = { ok: 0, broken: 1, misconfigured: 2, refused: 3 } as const;

/**
 * The frame of a service process: flags, configuration, telemetry, signals, exit codes. `start` returns once the
 * service serves; `stopping` aborts on the first SIGTERM or SIGINT, and `close` then has the grace period to finish.
 */
export async function runService<S extends z.ZodType<CommonConfig>>(service: {
  role: Role;
  schema: S;
  about: string;
  start: (context: {
    config: z.output<S>;
    telemetry: Telemetry;
    stopping: AbortSignal;
  }) => Promise<{ close(): Promise<void> }>;
}): Promise<void> {
  const name = `cowork-${service.role}`;
  const version = ownVersion();
  const say = (lines: string[]) => process.stderr.write(lines.map((line) => `${name}: ${line}\n`).join(""));

  const flags = readFlags();
  if (typeof flags === "string") {
    say([flags]);
    process.exit(exits.misconfigured);
  }
  if (flags.version) process.stdout.write(`${name} ${version}\n`);
  if (flags.help) process.stdout.write(settingsHelp(name, service.about, service.schema));
  if (flags.version || flags.help) return;

  let config: z.output<S>;
  try {
    const readFile = (path: string) => readFileSync(path, "utf8");
    config = loadConfig(service.schema, { env: process.env, readFile, knownEnv });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    say(error.problems.flatMap((problem) => problem.split("\n")));
    process.exit(exits.misconfigured);
  }

  const { logLevel, otlpUrl } = config.telemetry;
  const telemetry = setUpTelemetry({ role: service.role, version, logLevel, otlpUrl });
  const { log } = telemetry;
  const dieOf = (what: string) => (error: unknown) => {
    log.fatal({ err: error }, what);
    process.exit(exits.broken);
  };
  process.on("uncaughtException", dieOf("uncaught exception"));
  process.on("unhandledRejection", dieOf("unhandled rejection"));

  const stopping = listenForSignals(log);
  const asked = new Promise<void>((resolve) => stopping.addEventListener("abort", () => resolve(), { once: true }));
  const graceful = <T>(what: string, work: Promise<T>) => within(config.shutdownGraceMs, what, work);

  try {
    const started = service.start({ config, telemetry, stopping });
    // A start that is interrupted has the grace period to notice, like everything else.
    const running = await Promise.race([started, asked.then(() => graceful("the interrupted start", started))]);
    log.info({ version }, "started");
    await asked;
    await graceful("closing the service", running.close());
    log.info("stopped in good order");
    await telemetry.close();
    process.exit(exits.ok);
  } catch (error) {
    const code = exitCodeOf(error, stopping);
    if (error instanceof StartRefused) say(error.lines);
    else if (code === exits.ok) log.info("stopped before it had started");
    else {
      log.fatal({ err: error }, stopping.aborted ? "did not stop in good order" : "could not start");
      say([hideSecretShapes(error instanceof Error ? error.message : String(error))]);
    }
    await telemetry.close();
    process.exit(code);
  }
}

function exitCodeOf(error: unknown, stopping: AbortSignal): number {
  if (error instanceof StartRefused) return exits.refused;
  // A start that gave up because it was asked to is in good order.
  const gaveUp = error === stopping.reason || (error instanceof Error && error.name === "AbortError");
  return stopping.aborted && gaveUp ? exits.ok : exits.broken;
}

/** The first signal asks, the second one insists. */
function listenForSignals(log: Logger): AbortSignal {
  const controller = new AbortController();
  const onSignal = (signal: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      log.warn({ signal }, "second signal: leaving at once");
      process.exit(exits.broken);
    }
    log.info({ signal }, "stopping");
    controller.abort();
  };
  process.on("SIGTERM", onSignal);
  process.on("SIGINT", onSignal);
  return controller.signal;
}
