import { execFile } from "node:child_process";
import { access, mkdir, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import type { PostgresBinaries } from "./binaries.ts";
import { postgresEnv } from "./postgres-env.ts";
import { PostgresStartError } from "./start-error.ts";
import { unprivileged } from "./unprivileged.ts";

const run = promisify(execFile);
const initdbDeadlineMs = 120_000;

export interface NewCluster {
  dataDir: string;
  password: string;
  durable: boolean;
  log: (line: string) => void;
}

/**
 * Makes the cluster unless it is there. `initdb` works in `<dataDir>.new`, which is renamed only when complete, so
 * what a killed initdb leaves behind can't be mistaken for data, and is simply removed the next time.
 */
export async function initialise(binaries: PostgresBinaries, cluster: NewCluster): Promise<void> {
  const { dataDir, log } = cluster;
  if (await holdsCluster(binaries, dataDir)) return;

  const unfinished = `${dataDir}.new`;
  const passwordFile = `${dataDir}.new-password`;
  try {
    await mkdir(dirname(dataDir), { recursive: true });
    if ((await contents(unfinished)).length > 0) log(`removing a half-initialised database (${unfinished})`);
    await rm(unfinished, { recursive: true, force: true });
    await rm(passwordFile, { force: true });
    await mkdir(unfinished, { mode: 0o700 });
    // A file and not an argument: every user of the machine can read argv.
    await writeFile(passwordFile, `${cluster.password}\n`, { mode: 0o600 });
  } catch (cause) {
    throw unwritable(dirname(dataDir), cause);
  }
  try {
    await initdb(binaries, cluster, unfinished, passwordFile);
  } finally {
    await rm(passwordFile, { force: true });
  }
  await rename(unfinished, dataDir);
}

/** Throws when there is something that is neither nothing nor a cluster this binary can open. */
async function holdsCluster(binaries: PostgresBinaries, dataDir: string): Promise<boolean> {
  const files = await contents(dataDir);
  if (files.length === 0) return false;
  const owner = (await stat(dataDir)).uid;
  const self = process.getuid?.();
  if (self !== undefined && owner !== self) {
    throw new PostgresStartError(
      "wrong_owner",
      `the database in ${dataDir} belongs to uid ${owner}, not to uid ${self}: start as its owner, or choose another directory`,
    );
  }
  const complete = ["PG_VERSION", "postgresql.conf", join("global", "pg_control")];
  const missing = await Promise.all(
    complete.map((file) =>
      access(join(dataDir, file)).then(
        () => false,
        () => true,
      ),
    ),
  );
  if (missing.some(Boolean)) {
    throw new PostgresStartError(
      "half_initialised",
      `${dataDir} is not a complete database: move it away (or delete it, if nothing in it matters) and start again`,
    );
  }
  const found = (await readFile(join(dataDir, "PG_VERSION"), "utf8")).trim();
  const ours = await majorVersion(binaries);
  if (found !== ours) {
    throw new PostgresStartError(
      "other_version",
      `the database in ${dataDir} was made by PostgreSQL ${found}, this is ${ours}: ` +
        "run pg_upgrade on it, or choose another directory",
    );
  }
  return true;
}

async function contents(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw unwritable(directory, cause);
  }
}

async function majorVersion(binaries: PostgresBinaries): Promise<string> {
  const { stdout } = await run(binaries.postgres, ["--version"], { timeout: initdbDeadlineMs });
  return /(\d+)/.exec(stdout)?.[1] ?? stdout.trim();
}

async function initdb(
  binaries: PostgresBinaries,
  cluster: NewCluster,
  directory: string,
  passwordFile: string,
): Promise<void> {
  const [command, ...args] = unprivileged([
    binaries.initdb,
    `--pgdata=${directory}`,
    "--username=postgres",
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    // The builtin provider sorts the same on every machine, whatever locales its libc has.
    "--encoding=UTF8",
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--no-instructions",
    ...(cluster.durable ? [] : ["--no-sync"]),
  ]);
  try {
    await run(command, args, { env: postgresEnv(), timeout: initdbDeadlineMs });
  } catch (cause) {
    const said = ((cause as { stderr?: string }).stderr ?? "").trim();
    if (/Permission denied/.test(said)) throw unwritable(cluster.dataDir, cause);
    const line = said.split("\n").find((text) => /error|failed|could not/i.test(text)) ?? "it was ended";
    throw new PostgresStartError("failed", `initdb could not make ${cluster.dataDir}: ${line}`, { cause });
  }
}

function unwritable(directory: string, cause: unknown): PostgresStartError {
  // Root without capabilities can't enter another person's 0700 home, although root's shell can.
  const hint = process.getuid?.() === 0 ? "start as the owner of that directory" : "make it writable";
  const { code } = cause as { code?: unknown };
  const why = typeof code === "string" ? code : "permission denied";
  return new PostgresStartError(
    "directory_unwritable",
    `cannot write the database to ${directory} (${why}): ${hint}, or choose another directory`,
    { cause },
  );
}
