import { randomBytes } from "node:crypto";
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { freePort } from "../free-port.ts";
import { startPostgresContainer } from "./container.ts";
import { startEmbeddedPostgres } from "./embedded.ts";
import { findPostmaster } from "./postmaster.ts";

declare module "vitest" {
  export interface ProvidedContext {
    /** Superuser URL of the one PostgreSQL of this `vitest run`; global-setup.ts provides it. */
    postgresAdminUrl: string;
  }
}

const prefix = "open-cowork-suites-";

/**
 * The PostgreSQL that suites clone their databases in: TEST_DATABASE_URL when set, a container with TEST_CONTAINERS
 * (1, or an image such as postgres:15), otherwise the embedded one in a directory that goes away with the run.
 */
export async function suitePostgres(): Promise<{ adminUrl: string; release(): Promise<void> }> {
  const given = process.env["TEST_DATABASE_URL"];
  if (given) return { adminUrl: given, release: async () => {} };
  const container = process.env["TEST_CONTAINERS"];
  if (container) return startPostgresContainer(container === "1" ? "postgres:18" : container);

  await sweepKilledRuns();
  const home = await mkdtemp(join(tmpdir(), `${prefix}${process.pid}-`));
  const postgres = await startEmbeddedPostgres({
    dataDir: join(home, "data"),
    port: await freePort(),
    password: randomBytes(16).toString("base64url"),
    durable: false,
  });
  return {
    adminUrl: postgres.url,
    release: async () => {
      await postgres.stop();
      await rm(home, { recursive: true, force: true });
    },
  };
}

/** A run that was killed with SIGKILL left its PostgreSQL running: the directory says whose it was. */
async function sweepKilledRuns(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    const owner = new RegExp(`^${prefix}(\\d+)-`).exec(name)?.[1];
    if (owner === undefined || isAlive(Number(owner))) continue;
    const home = join(tmpdir(), name);
    const orphan = await findPostmaster(join(home, "data")).catch(() => null);
    if (orphan !== null) process.kill(orphan.pid, "SIGQUIT");
    // Another user's leftover is that user's to remove.
    await rm(home, { recursive: true, force: true, maxRetries: 5 }).catch(() => {});
  }
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM";
  }
}
