import { execFileSync, spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import { existsSync, mkdtempSync, openSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock, within } from "@open-cowork/contracts/clock";
import { freePort } from "@open-cowork/testkit/free-port";
import { findPostgresBinaries, type PostgresBinaries } from "@open-cowork/testkit/postgres/binaries";
import { readLockFile } from "@open-cowork/testkit/postgres/postmaster";
import { unprivileged } from "@open-cowork/testkit/postgres/unprivileged";
import { query } from "./query.ts";

export interface BenchPostgres {
  /** Of the superuser. */
  adminUrl: string;
  /** Which one it is, for the reader of the numbers. */
  about: string;
  stop(): Promise<void>;
}

const debian = "/usr/lib/postgresql/15/bin";
const readyMs = 60_000;
const stopMs = 30_000;

/** The same for every contestant. Durability is Postgres's default: fsync and synchronous_commit stay on. */
const settings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  max_connections: 200,
  shared_buffers: "512MB",
  // Checkpoints would otherwise fall into one contestant's turn and not into another's.
  max_wal_size: "8GB",
  checkpoint_timeout: "30min",
};

/** One server of its own for the whole bench: Debian's Postgres 15 where it is installed, otherwise npm's. */
export async function startBenchPostgres(): Promise<BenchPostgres> {
  const home = mkdtempSync(join(tmpdir(), "open-cowork-bench-store-"));
  const dataDir = join(home, "data");
  const binaries: PostgresBinaries = existsSync(`${debian}/postgres`)
    ? { postgres: `${debian}/postgres`, initdb: `${debian}/initdb` }
    : await findPostgresBinaries();
  const password = randomBytes(16).toString("base64url");
  const port = await freePort();
  initdb(binaries, dataDir, password);
  const output = openSync(join(home, "postgres.log"), "a");
  const options = Object.entries({ ...settings, port }).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const [command, ...args] = unprivileged([binaries.postgres, "-D", dataDir, ...options]);
  const child = spawn(command, args, { cwd: dataDir, detached: true, stdio: ["ignore", output, output] });
  const exited = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  try {
    await becomesReady(child, dataDir);
  } catch (error) {
    child.kill("SIGQUIT");
    throw error;
  }
  const adminUrl = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  return {
    adminUrl,
    about: await describe(adminUrl),
    stop: async () => {
      child.kill("SIGINT");
      await within(stopMs, "PostgreSQL", exited).catch(() => child.kill("SIGKILL"));
      rmSync(home, { recursive: true, force: true });
    },
  };
}

/** Not the lab's own: Postgres 15 does not know the locale provider that it asks for. */
function initdb(binaries: PostgresBinaries, dataDir: string, password: string): void {
  const passwordFile = `${dataDir}-password`;
  writeFileSync(passwordFile, password, { mode: 0o600 });
  const options = ["--username=postgres", `--pwfile=${passwordFile}`, "--auth=scram-sha-256", "--encoding=UTF8"];
  const [command, ...args] = unprivileged([binaries.initdb, "-D", dataDir, "--locale=C.UTF-8", ...options]);
  execFileSync(command, args, { stdio: "pipe" });
}

async function becomesReady(child: ChildProcess, dataDir: string): Promise<void> {
  const giveUpAt = systemClock.monotonicMs() + readyMs;
  while (systemClock.monotonicMs() < giveUpAt) {
    if (child.exitCode !== null || child.signalCode !== null) throw new Error("PostgreSQL ended while it started");
    if ((await readLockFile(dataDir))?.ready) return;
    await systemClock.sleep(20);
  }
  throw new Error("PostgreSQL was not ready in time");
}

async function describe(adminUrl: string): Promise<string> {
  const [row] = await query<{ about: string }>(
    adminUrl,
    `select format('%s, fsync %s, synchronous_commit %s, wal_sync_method %s, shared_buffers %s', split_part(version(), ' on ', 1),
      current_setting('fsync'), current_setting('synchronous_commit'), current_setting('wal_sync_method'),
      current_setting('shared_buffers')) as about`,
  );
  return row!.about;
}
