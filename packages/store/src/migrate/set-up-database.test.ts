import { randomBytes } from "node:crypto";
import { eventTypes } from "@open-cowork/contracts/events";
import { failures } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, inject, it } from "vitest";
import { openDatabase } from "../database/open.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { DatabaseUnfit, setUpDatabase, withOwner } from "./set-up-database.ts";
import { scramVerifier } from "./scram-verifier.ts";
import { newestMigration } from "./sql-files.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const passwords = { web: "web-in-tests", scheduler: "scheduler-in-tests", worker: "worker-in-tests" };

describe("setting up a database", () => {
  it("again changes nothing and keeps what is in it", async () => {
    await sql`update cowork.plane set epoch = 'kept'`.execute(test.owner.db);
    const { applied, urls } = await setUpDatabase(test.ownerUrl, passwords);
    expect(applied).toEqual([]);
    expect(urls).toEqual(test.urls);
    const { rows } = await sql<{
      epoch: string;
      version: string;
    }>`select epoch, internal.schema_version() as version from cowork.plane`.execute(test.as.web.db);
    expect(rows).toEqual([{ epoch: "kept", version: newestMigration() }]);
  });

  it("loads the words that SQL shares with TypeScript from their one source", async () => {
    const types = await test.owner.db.selectFrom("cowork.event_types").select("type").orderBy("type").execute();
    const reasons = await test.owner.db.selectFrom("cowork.failures").select("reason").orderBy("reason").execute();
    expect(types.map((row) => row.type)).toEqual(Object.keys(eventTypes).sort());
    expect(reasons.map((row) => row.reason)).toEqual(Object.keys(failures).sort());
  });

  it("closes the catalogue when it may, and else says in one line what stays open", async () => {
    const adminUrl = inject("postgresAdminUrl");
    const name = `cowork_t_${randomBytes(6).toString("hex")}`;
    await withOwner(adminUrl, ({ db }) => sql.raw(`create database ${name} owner cowork_owner`).execute(db));
    const [owner, superuser] = [test.ownerUrl, adminUrl].map((text) => {
      const url = new URL(text);
      url.pathname = `/${name}`;
      return url.href;
    }) as [string, string];
    const open = await setUpDatabase(owner, passwords);
    expect(open.warnings).toEqual([expect.stringContaining("pg_terminate_backend")]);
    const closed = await setUpDatabase(superuser, passwords);
    expect(closed.warnings).toEqual([]);
    const worker = openDatabase({
      url: closed.urls.worker,
      applicationName: "test",
      deadlineMs: 5_000,
      connections: 1,
      transactionPooler: false,
    });
    for (const text of [
      "select pg_terminate_backend(1)",
      "select pg_try_advisory_lock(1)",
      "select from pg_stat_activity",
    ])
      await expect(sql.raw(text).execute(worker.db), text).rejects.toMatchObject({ code: "42501" });
    await worker.close();
    await withOwner(adminUrl, ({ db }) => sql.raw(`drop database ${name} with (force)`).execute(db));
  });

  it("is refused for a role that may not create roles, with one line that says what to do", async () => {
    await expect(setUpDatabase(test.urls.web, passwords)).rejects.toThrow(DatabaseUnfit);
    await expect(setUpDatabase(test.urls.web, passwords)).rejects.toThrow("alter role cowork_web createrole");
  });

  it("stores passwords in a form that Postgres accepts and that is not the password", async () => {
    const verifier = scramVerifier("Pa55 wörd");
    expect(verifier).not.toContain("Pa55");
    await sql.raw(`create role cowork_scram_test login password '${verifier}'`).execute(test.owner.db);
    const url = new URL(test.ownerUrl);
    url.username = "cowork_scram_test";
    url.password = encodeURIComponent("Pa55 wörd");
    const { rows } = await sql<{ name: string }>`select current_database() as name`.execute(test.owner.db);
    await sql.raw(`grant connect on database ${rows[0]!.name} to cowork_scram_test`).execute(test.owner.db);
    const database = openDatabase({
      url: url.href,
      applicationName: "test",
      deadlineMs: 5_000,
      connections: 1,
      transactionPooler: false,
    });
    await database.probe();
    await database.close();
    await sql
      .raw(`revoke connect on database ${rows[0]!.name} from cowork_scram_test; drop role cowork_scram_test`)
      .execute(test.owner.db);
  });
});
