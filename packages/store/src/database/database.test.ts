import { sql } from "kysely";
import { eventually } from "@open-cowork/testkit/eventually";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { openDatabase } from "./open.ts";
import { selfCheck } from "./self-check.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

let test: TestDatabase;
beforeAll(async () => {
  test = await createTestDatabase();
});
afterAll(() => test.drop());

const open = (change: Partial<Parameters<typeof openDatabase>[0]> = {}) =>
  openDatabase({
    url: test.urls.web,
    applicationName: "test",
    deadlineMs: 400,
    connections: 2,
    transactionPooler: false,
    ...change,
  });

describe("a query", () => {
  it("that takes longer than its deadline fails with a reason, and the next one works", async () => {
    const database = open();
    await expect(sql`select pg_sleep(5)`.execute(database.db)).rejects.toThrow(DatabaseUnavailable);
    expect((await sql<{ one: number }>`select 1 as one`.execute(database.db)).rows).toEqual([{ one: 1 }]);
    await database.close();
  });

  it("that finds no free connection within its deadline fails too, and its place is not lost", async () => {
    const database = open({ connections: 1, deadlineMs: 300 });
    const slow = sql`select pg_sleep(5)`.execute(database.db).catch((error: unknown) => error);
    await expect(sql`select 1`.execute(database.db)).rejects.toThrow(DatabaseUnavailable);
    expect(await slow).toBeInstanceOf(DatabaseUnavailable);
    await sql`select 1`.execute(database.db);
    await database.close();
  });

  it("of a transaction whose connection was ended is refused instead of running outside of it", async () => {
    const database = open({ url: test.ownerUrl });
    const doomed = database.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await sql`select pg_terminate_backend(${rows[0]!.pid})`.execute(test.owner.db);
      await sql`create table public.outside (x int)`.execute(tx);
    });
    await expect(doomed).rejects.toThrow(DatabaseUnavailable);
    const found = await sql<{ found: boolean }>`select to_regclass('public.outside') is not null as found`.execute(
      database.db,
    );
    expect(found.rows).toEqual([{ found: false }]);
    await database.close();
  });

  it("against a server that is not there fails at once", async () => {
    const database = open({ url: "postgres://nobody:nothing@127.0.0.1:1/none" });
    await expect(database.probe()).rejects.toThrow(DatabaseUnavailable);
    await database.close();
  });
});

describe("a notification", () => {
  it("reaches a listener with the ids of its moment merged, also after the listener's connection was ended", async () => {
    const database = open({ url: test.ownerUrl });
    const heard: string[] = [];
    database.listen("events", (payload) => heard.push(payload));
    await eventually("the listener hears that it listens", () => heard.includes(""));
    database.notify("events", "a");
    database.notify("events", "b");
    await eventually("both ids in one notification", () => heard.includes("a,b"));

    heard.length = 0;
    await sql`select pg_terminate_backend(pid) from pg_stat_activity
      where application_name = 'test' and usename = current_user and datname = current_database()`.execute(
      test.owner.db,
    );
    await eventually("the listener hears that it may have missed something", () => heard.includes(""));
    database.notify("events", "c");
    await eventually("the next id", () => heard.includes("c"));
    await database.close();
  });
});

describe("a service that checks its database before it starts", () => {
  it("starts with the role that was made for it", async () => {
    for (const role of ["web", "scheduler", "worker"] as const)
      expect(await selfCheck(test.as[role], role)).toEqual([]);
  });

  it("refuses to run as the owner", async () => {
    expect(await selfCheck(test.owner, "web")).toEqual([expect.stringContaining("use the role cowork_web")]);
  });

  it("refuses a wrong password and an unreachable server, each with one line", async () => {
    const wrong = open({ url: test.urls.web.replace("web-in-tests", "wrong") });
    expect(await selfCheck(wrong, "web")).toEqual([expect.stringContaining("refuses this service's login (28P01)")]);
    const nowhere = open({ url: "postgres://nobody:nothing@127.0.0.1:1/none" });
    expect(await selfCheck(nowhere, "web", 0)).toEqual([
      expect.stringContaining("is OPEN_COWORK_CLOUD_DATABASE_URL right"),
    ]);
  });

  it("refuses a database whose clock is not its own", async () => {
    const tampered = await createTestDatabase();
    await tampered.advance(1);
    expect(await selfCheck(tampered.as.worker, "worker")).toEqual([expect.stringContaining("cowork.now()")]);
    await tampered.drop();
  });

  it("refuses a database that is older than itself", async () => {
    const old = await createTestDatabase();
    await sql`delete from cowork_migrations.kysely_migration where name > '0001'`.execute(old.owner.db);
    expect(await selfCheck(old.as.web, "web")).toEqual([expect.stringContaining("migrate it first")]);
    await old.drop();
  });
});
