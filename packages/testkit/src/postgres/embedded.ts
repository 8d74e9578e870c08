import { spawn, type ChildProcess } from "node:child_process";
import { open, readFile, realpath, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { systemClock, within } from "@open-cowork/contracts/clock";
import { isPortFree } from "../free-port.ts";
import { findPostgresBinaries } from "./binaries.ts";
import { initialise } from "./initialise.ts";
import { endOrphanBackends, findPostmaster, readLockFile } from "./postmaster.ts";
import { postgresEnv } from "./postgres-env.ts";
import { PostgresStartError } from "./start-error.ts";
import { unprivileged } from "./unprivileged.ts";

export interface RunningPostgres {
  /** Of the superuser. */
  url: string;
  port: number;
  pid: number;
  dataDir: string;
  /** Settles when the postmaster is gone, whoever ended it. */
  exited: Promise<void>;
  stop(): Promise<void>;
}

export interface EmbeddedPostgresOptions {
  /** Made by initdb when it is missing or empty. */
  dataDir: string;
  port: number;
  /** Of the superuser. Only used when the cluster is made; afterwards it must be the same. */
  password: string;
  log?: (line: string) => void;
  /** Called before anything is waited for, so that a launcher that is killed meanwhile has written the pid down. */
  onSpawn?: (pid: number) => void;
  /** False only for tests: trades everything a crash of the machine could lose for speed. */
  durable: boolean;
}

const readyDeadlineMs = 60_000;
const stopDeadlineMs = { SIGINT: 10_000, SIGQUIT: 5_000, SIGKILL: 5_000 } as const;

/**
 * Runs the PostgreSQL that npm brought, on 127.0.0.1 only. It leads its own process group, so Ctrl-C in a terminal
 * reaches the launcher and not the database, which has to outlive the services that drain into it.
 */
export async function startEmbeddedPostgres(options: EmbeddedPostgresOptions): Promise<RunningPostgres> {
  const log = options.log ?? (() => {});
  const binaries = await findPostgresBinaries();
  await initialise(binaries, { ...options, log });
  const dataDir = await realpath(options.dataDir);
  await clearTheWay(dataDir);
  if (!(await isPortFree(options.port))) throw portBusy(options.port);

  const logFile = join(dataDir, "postgres.log");
  await rename(logFile, `${logFile}.1`).catch(() => {});
  const child = await launch(unprivileged([binaries.postgres, "-D", dataDir, ...settings(options)]), dataDir, logFile);
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  const pid = child.pid;
  if (pid === undefined) throw new PostgresStartError("failed", `could not start ${binaries.postgres}`);
  options.onSpawn?.(pid);

  try {
    await becomesReady(child, dataDir);
  } catch (failure) {
    child.kill("SIGQUIT");
    throw await explain(failure, options.port, dataDir, logFile);
  }
  return {
    url: `postgres://postgres:${encodeURIComponent(options.password)}@127.0.0.1:${options.port}/postgres`,
    port: options.port,
    pid,
    dataDir,
    exited,
    stop: () => stop(child, exited),
  };
}

function settings({ port, durable }: EmbeddedPostgresOptions): string[] {
  const values: Record<string, string | number> = {
    listen_addresses: "127.0.0.1",
    port,
    // No socket file: its path would have to stay below 108 bytes, and TCP with a password is enough.
    unix_socket_directories: "",
    shared_buffers: "64MB",
    max_connections: 200,
    // Bound parameters hold prompts and tokens; neither belongs in a log.
    log_parameter_max_length: 0,
    log_parameter_max_length_on_error: 0,
    ...(durable ? {} : { fsync: "off", synchronous_commit: "off", full_page_writes: "off", autovacuum_naptime: "5s" }),
  };
  return Object.entries(values).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
}

/** Output goes straight to a file: a pipe would break, and take the database with it, when the launcher is killed. */
async function launch([command, ...args]: [string, ...string[]], cwd: string, logFile: string): Promise<ChildProcess> {
  const output = await open(logFile, "a", 0o600);
  try {
    const child = spawn(command, args, {
      cwd,
      detached: true,
      stdio: ["ignore", output.fd, output.fd],
      env: postgresEnv(),
    });
    child.once("error", () => {});
    return child;
  } finally {
    await output.close();
  }
}

async function clearTheWay(dataDir: string): Promise<void> {
  const running = await findPostmaster(dataDir);
  if (running !== null) {
    throw new PostgresStartError(
      "already_running",
      `a PostgreSQL (pid ${running.pid}) already runs on ${dataDir}: stop what started it, or choose another directory`,
      { pid: running.pid },
    );
  }
  await endOrphanBackends(dataDir);
  // What is left is the lock of a dead postmaster. Its pid may belong to a stranger by now, and postgres would take
  // any living process for its rival. Without the file postgres still sees a living backend, by the shared memory.
  await rm(join(dataDir, "postmaster.pid"), { force: true });
}

async function becomesReady(child: ChildProcess, dataDir: string): Promise<void> {
  const giveUpAt = systemClock.monotonicMs() + readyDeadlineMs;
  while (systemClock.monotonicMs() < giveUpAt) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("it ended");
    const lock = await readLockFile(dataDir);
    if (lock?.ready === true && lock.pid === child.pid) return;
    await systemClock.sleep(20);
  }
  throw new Error(`it was not ready within ${readyDeadlineMs / 1_000} s`);
}

async function explain(failure: unknown, port: number, dataDir: string, logFile: string): Promise<PostgresStartError> {
  const said = await readFile(logFile, "utf8").catch(() => "");
  if (/could not bind|Address already in use/.test(said)) return portBusy(port);
  const line = said.split("\n").findLast((text) => /FATAL|PANIC|unshare:/.test(text)) ?? String(failure);
  if (/Permission denied/.test(said)) {
    return new PostgresStartError(
      "directory_unwritable",
      `PostgreSQL may not use ${dataDir} (${line.trim()}): start as the owner of that directory, or choose another`,
    );
  }
  return new PostgresStartError("failed", `PostgreSQL did not start: ${line.trim()} (all it said: ${logFile})`);
}

function portBusy(port: number): PostgresStartError {
  return new PostgresStartError(
    "port_busy",
    `port ${port} of 127.0.0.1 is taken by another process: stop that process, or choose another port`,
  );
}

/** Fast shutdown; then immediate, which only costs a recovery at the next start; then none at all. */
async function stop(child: ChildProcess, exited: Promise<void>): Promise<void> {
  for (const signal of ["SIGINT", "SIGQUIT", "SIGKILL"] as const) {
    if (child.exitCode !== null || child.signalCode !== null) return;
    child.kill(signal);
    const gone = await within(stopDeadlineMs[signal], "PostgreSQL", exited).then(
      () => true,
      () => false,
    );
    if (gone) return;
  }
  throw new Error(`PostgreSQL (pid ${child.pid}) could not be ended`);
}
