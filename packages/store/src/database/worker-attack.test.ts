import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endStuckBackends } from "../leases/end-stuck-backends.ts";
import { beat, end } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { resetRoles } from "../migrate/roles.ts";
import { findAlteredRoles } from "./find-altered-roles.ts";
import { openDatabase, type Database } from "./open.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

/**
 * Somebody with a worker's own URL and a prompt, who tries what Postgres lets a role do. One connection, several
 * statements in a text, as psql sends them.
 */
let world: World;
let worker: TestWorker;
let psql: Database;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  psql = openDatabase({
    url: world.urls.worker,
    applicationName: "psql",
    deadlineMs: 5_000,
    connections: 1,
    transactionPooler: false,
    scripts: true,
  });
});
afterAll(async () => {
  await psql.close();
  await world.drop();
});

const run = (text: string) => sql.raw<Record<string, unknown>>(text).execute(psql.db);
const expectForbidden = (text: string) => expect(run(text), text).rejects.toMatchObject({ code: "42501" });
const backendOf = async (database: Database) =>
  (await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db)).rows[0]!.pid;

describe("with the worker's own login, nobody", () => {
  it("ends or interrupts another's connection", async () => {
    for (const database of [world.owner, world.as.web, world.as.scheduler, world.as.worker]) {
      const pid = await backendOf(database);
      await expectForbidden(`select pg_terminate_backend(${pid})`);
      await expectForbidden(`select pg_cancel_backend(${pid})`);
    }
    await expectForbidden("select internal.end_stuck_backends(0)");
  });

  it("sees what others run", async () => {
    await expectForbidden("select query from pg_stat_activity");
    await expectForbidden("select * from pg_stat_get_activity(null)");
    for (const view of ["pg_stat_replication", "pg_stat_ssl", "pg_stat_gssapi"])
      await run(`select * from ${view}`).then(
        ({ rows }) => expect(JSON.stringify(rows)).not.toContain("select"),
        (error: unknown) => expect(error).toMatchObject({ code: "42501" }),
      );
  });

  it("takes the locks that migrations and promotions wait for", async () => {
    for (const name of ["lock", "lock_shared", "xact_lock", "xact_lock_shared"]) {
      await expectForbidden(`select pg_advisory_${name}(7482102, 1)`);
      await expectForbidden(`select pg_try_advisory_${name}(7482101)`);
    }
    await expectForbidden("select pg_advisory_unlock_all()");
  });

  it("locks a table or a row", async () => {
    for (const table of ["lanes", "work", "routes"]) {
      await expectForbidden(`begin; lock table cowork.${table} in access share mode`);
      await run("rollback");
      await expectForbidden(`select from cowork.${table} for update`);
    }
  });

  it("leaves anything behind: tables, temporary ones, schemas, functions, large objects, notes in the log of changes", async () => {
    for (const text of [
      "create table public.x (y int)",
      "create temporary table x (y int)",
      "create schema x",
      "create function public.f() returns int language sql as 'select 1'",
      "create or replace function worker_api_v1.claim(text, uuid, text, integer, integer) returns int language sql as 'select 1'",
      "create extension plpython3u",
      "create publication p for all tables",
      "create role mine",
      "create database mine",
      "select lo_create(0)",
      "select lo_import('/etc/passwd')",
      "select pg_logical_emit_message(false, 'x', 'y')",
      "select pg_create_logical_replication_slot('s', 'pgoutput')",
      "comment on schema cowork is 'mine'",
    ])
      await expect(run(text), text).rejects.toMatchObject({
        code: expect.stringMatching(/^(42501|0A000|58P01|55000)$/),
      });
  });

  it("reads passwords, files or the server's secrets, or runs a program", async () => {
    for (const text of [
      "select rolpassword from pg_authid",
      "select passwd from pg_shadow",
      "select pg_read_file('/etc/passwd')",
      "select pg_ls_dir('/')",
      "copy (select 1) to program 'id'",
      "copy (select 1) to '/tmp/x'",
      "select * from pg_hba_file_rules",
      "select stavalues1 from pg_statistic",
      "select subconninfo from pg_subscription",
      "alter system set log_statement = 'all'",
    ])
      await expectForbidden(text);
    // Statistics hold samples of rows; the view shows those of readable columns only.
    expect((await run("select * from pg_stats where schemaname = 'cowork'")).rows).toEqual([]);
  });

  it("becomes somebody else", async () => {
    for (const role of ["cowork_owner", "cowork_api", "cowork_web", "cowork_scheduler", "postgres", "pg_monitor"]) {
      await expectForbidden(`set role ${role}`);
      await expectForbidden(`set session authorization ${role}`);
      await expectForbidden(`grant ${role} to cowork_worker`);
    }
    await expectForbidden("alter role cowork_worker superuser");
    await expectForbidden("alter default privileges for role cowork_api grant all on tables to cowork_worker");
  });

  it("changes its own role unseen: what it sets there for all workers is told, and goes with the next set-up", async () => {
    const { rows } = await sql<{ name: string }>`select quote_ident(current_database()) as name`.execute(
      world.owner.db,
    );
    const altered = () => findAlteredRoles(world.as.scheduler.db);
    expect(await altered()).toEqual([]);
    // In this database only, because other suites use the same role.
    for (const setting of ["default_transaction_read_only = on", "statement_timeout = 1", "search_path = public"]) {
      await run(`alter role cowork_worker in database ${rows[0]!.name} set ${setting}`);
      const name = setting.split(" ")[0]!;
      expect(await altered()).toContainEqual(expect.stringMatching(`^cowork_worker: ${name}=`));
    }
    expect(await altered()).toHaveLength(3);
    await resetRoles(world.owner.db);
    expect(await altered()).toEqual([]);
  });

  it("calls what is inside or belongs to the door", async () => {
    const { rows } = await sql<{ call: string }>`
      select n.nspname || '.' || p.proname || '(' || coalesce((
          select string_agg('null::' || format_type(t.oid, null), ', ' order by t.n) from unnest(p.proargtypes) with ordinality t (oid, n)), '') || ')' as call
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('internal', 'web_api') and p.proname not in ('schema_version', 'is_restored')`.execute(
      world.owner.db,
    );
    expect(rows.length).toBeGreaterThan(25);
    for (const { call } of rows) await expectForbidden(`select ${call}`);
    for (const call of ["cowork.make_partitions(1)", "cowork.guard_move()", "cowork.keep_partitions(1, 1, 1)"])
      await expectForbidden(`select ${call}`);
  });

  it("moves the plane's time, by a setting, a schema of its own or a search path", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await world.advance(15_001);
    const renewed = `select ok, reason from worker_api_v1.renew(array['${lease.token}'], 15000)`;
    for (const trick of [
      "set cowork.now_offset = '-1 day'",
      "set search_path = public, pg_catalog",
      "set timezone = 'Pacific/Kiritimati'",
      "set datestyle = 'SQL, DMY'; set standard_conforming_strings = off",
      "set session_replication_role = replica",
      "set cowork.org_id = 'x'",
    ]) {
      await run(trick).catch((error: unknown) => expect(error).toMatchObject({ code: "42501" }));
      expect((await run(renewed)).rows, trick).toEqual([{ ok: false, reason: "stale_lease" }]);
    }
    // Who forbids the verbs their own policies harms only its own calls.
    await run("set row_security = off");
    await expectForbidden(renewed);
    await run("reset all");
  });

  it("gets further with words that would break a statement open", async () => {
    const nasty = [
      "'; drop table cowork.lanes; --",
      "\\'; select 1; --",
      "$$; select 1; $$",
      '"',
      "\u0001",
      "%s%n",
      "{}",
      "null",
    ];
    for (const word of nasty) {
      const { rows } =
        await sql`select ok, reason from worker_api_v1.claim(${word}, ${newId()}, ${word.padEnd(40)}, 1, 15000)`.execute(
          world.as.worker.db,
        );
      expect(rows).toEqual([{ ok: false, reason: "credential_invalid" }]);
      expect(await beat(world, { ...worker, credential: word })).toEqual({ ok: false, reason: "credential_invalid" });
      const tokens = await sql`select ok, reason from worker_api_v1.renew(array[${word}::text], 15000)`.execute(
        world.as.worker.db,
      );
      expect(tokens.rows).toEqual([{ ok: false, reason: "lease_unknown" }]);
    }
    const { rows } = await sql<{ there: boolean }>`select to_regclass('cowork.lanes') is not null as there`.execute(
      world.owner.db,
    );
    expect(rows).toEqual([{ there: true }]);
  });

  it("learns from an error what stands in a row", async () => {
    await expect(run(`select worker_api_v1.append_events('[{"token": "x"}]')`)).rejects.toThrow("malformed batch");
    const unknown = await run(`select ok, reason, answer from worker_api_v1.reveal_secret('x', 'anthropic')`);
    expect(unknown.rows).toEqual([{ ok: false, reason: "lease_unknown", answer: null }]);
  });

  it("keeps a transaction open for long: its timeouts can be lifted, so the clock ends it", async () => {
    const hostile = openDatabase({
      url: world.urls.worker,
      applicationName: "hostile",
      deadlineMs: 5_000,
      connections: 1,
      transactionPooler: false,
      scripts: true,
    });
    await world.wish();
    const claimed = await world.claimOne(worker);
    await hostile.db.connection().execute(async (held) => {
      const send = (text: string) => sql.raw(text).execute(held);
      await send("set statement_timeout = 0; set idle_in_transaction_session_timeout = 0; set lock_timeout = 0");
      await send("begin");
      await send(`select * from worker_api_v1.renew(array['${claimed.lease.token}'], 60000)`);
      // Verbs in a loop inside of it make it no younger.
      for (let n = 0; n < 3; n += 1)
        await send(`select * from worker_api_v1.take_signals(array['${claimed.lease.token}'])`);
      expect(await endStuckBackends(world.as.scheduler.db, 7_500)).toBe(0);
      expect(await endStuckBackends(world.as.scheduler.db, 1)).toBe(1);
      await expect(send("commit")).rejects.toThrow(DatabaseUnavailable);
    });
    const { rows } = await sql<{ ms: number }>`
      select (extract(epoch from lease_expires_at - cowork.now()) * 1000)::float8 as ms from cowork.lanes
        where work_id = ${claimed.lease.workId}`.execute(world.owner.db);
    // What it had renewed inside was never true.
    expect(rows[0]!.ms).toBeLessThanOrEqual(15_000);
    expect(await end(world, claimed.lease)).toMatchObject({ ok: true });
    await hostile.close();
  });

  it("counts rows, by asking for them, for a plan or for a page of them", async () => {
    await expectForbidden("select count(*) from cowork.work");
    await expectForbidden("explain select * from cowork.work");
    await expectForbidden("explain analyze select * from cowork.work");
    await expectForbidden("select 1 from cowork.work limit 1");
    await expectForbidden("select * from cowork.work tablesample system (1)");
    await expectForbidden("select reltuples from pg_class");
    await expectForbidden("select n_live_tup from pg_stat_all_tables");
    await expectForbidden("select pg_relation_size('cowork.work')");
    await expectForbidden("select pg_database_size(current_database())");
    // What drivers and tools read there stays readable.
    await run("select relname, relkind from pg_class limit 1");
  });

  it("deafens the plane: a flood of notifications costs others a poll and carries nothing", async () => {
    await run("select pg_notify('cowork_work', 'x')");
    await run("notify anything, 'x'");
    await world.wish();
    expect(await world.claimAll(worker)).toHaveLength(1);
  });
});
