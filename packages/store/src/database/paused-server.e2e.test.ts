import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { startEmbeddedPostgres, type RunningPostgres } from "@open-cowork/testkit/postgres/embedded";
import { freezeTree, thawTree } from "@open-cowork/testkit/postgres/freeze";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDatabase, type Database } from "./open.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

const deadlineMs = 500;

let home: string;
let postgres: RunningPostgres;
let database: Database;
beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "open-cowork-paused-"));
  postgres = await startEmbeddedPostgres({
    dataDir: join(home, "data"),
    port: await freePort(),
    password: "paused",
    durable: false,
  });
  database = openDatabase({
    url: postgres.url,
    applicationName: "test",
    deadlineMs,
    connections: 3,
    transactionPooler: false,
  });
});
afterAll(async () => {
  await database.close();
  await postgres.stop();
  await rm(home, { recursive: true });
});

const timed = async (query: Promise<unknown>) => {
  const started = performance.now();
  const error = await query.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return { error, ms: performance.now() - started };
};

describe("a database that is paused", () => {
  it("fails every request within its deadline, in every pool, queued ones too, and all recover by themselves", async () => {
    // Warm connections are the hard case: their sockets stay open and silent.
    await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.05)`.execute(database.db)));
    await database.probe();
    freezeTree(postgres.pid);
    try {
      const requests = Array.from({ length: 12 }, () => timed(sql`select 1`.execute(database.db)));
      const answers = await Promise.all([
        ...requests,
        timed(sql`select 1`.execute(database.streams)),
        timed(database.probe()),
      ]);
      for (const { error, ms } of answers) {
        expect(error).toBeInstanceOf(DatabaseUnavailable);
        // Waiting for a connection and waiting for an answer have a deadline each.
        expect(ms).toBeLessThan(2 * deadlineMs + 400);
      }
      // New connections are no way around it.
      expect((await timed(sql`select 1`.execute(database.db))).error).toBeInstanceOf(DatabaseUnavailable);
    } finally {
      thawTree(postgres.pid);
    }
    await eventually(
      "the verbs' pool answers again",
      async () => (await sql`select 1`.execute(database.db)).rows.length === 1,
    );
    await database.probe();
    await sql`select 1`.execute(database.streams);
  });
});
