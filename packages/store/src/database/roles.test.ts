import { newId } from "@open-cowork/contracts/ids";
import { workerVerbs, writeClasses } from "@open-cowork/contracts/write-classes";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { listSessions } from "../sessions/list-sessions.ts";
import { newTenant } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { inOrg } from "./in-org.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

/** Of the verbs that are called most: one plan for each statement, whatever the tables held when it was made. */
const planSettings =
  "plan_cache_mode=force_generic_plan enable_seqscan=off enable_hashjoin=off enable_mergejoin=off jit=off";

const tables = async () => {
  const { rows } = await sql<{
    name: string;
  }>`select tablename as name from pg_tables where schemaname = 'cowork'`.execute(world.owner.db);
  return rows.map((row) => row.name);
};

describe("the worker's role", () => {
  it("can read, write and count no table", async () => {
    const names = await tables();
    expect(names.length).toBeGreaterThan(15);
    for (const name of names) {
      await expect(sql.raw(`select count(*) from cowork.${name}`).execute(world.as.worker.db)).rejects.toMatchObject({
        code: "42501",
      });
      await expect(sql.raw(`delete from cowork.${name}`).execute(world.as.worker.db)).rejects.toMatchObject({
        code: "42501",
      });
    }
  });

  it("can call the verbs of its protocol and no other function of the plane but its clock and what it asks at its start", async () => {
    const { rows } = await sql<{ name: string }>`
      select n.nspname || '.' || p.proname as name from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname in ('cowork', 'internal', 'web_api', 'worker_api_v1') and has_function_privilege('cowork_worker', p.oid, 'execute')`.execute(
      world.owner.db,
    );
    const verbs = Object.keys(workerVerbs).map((verb) => `worker_api_v1.${verb}`);
    expect(rows.map((row) => row.name).sort()).toEqual(
      ["cowork.now", "internal.is_restored", "internal.schema_version", ...verbs].sort(),
    );
  });

  it("has one verb for every write class that is built, and every verb pins its search path and runs as a role that can't log in", async () => {
    for (const verb of Object.values(writeClasses)) expect(verb === null || verb in workerVerbs).toBe(true);
    const { rows } = await sql<{
      name: string;
      config: string[] | null;
      owner: string;
      login: boolean;
      source: string;
      definer: boolean;
    }>`
      select p.proname as name, to_jsonb(p.proconfig) as config, r.rolname as owner, r.rolcanlogin as login, p.prosrc as source,
          p.prosecdef as definer
        from pg_proc p join pg_namespace n on n.oid = p.pronamespace join pg_roles r on r.oid = p.proowner
        where n.nspname in ('worker_api_v1', 'internal', 'web_api')`.execute(world.owner.db);
    for (const row of rows) {
      expect(row, row.name).toMatchObject({ owner: "cowork_api", login: false });
      // What runs with its caller's rights is only called by the others, and so finds their search path.
      const [path, ...rest] = row.definer
        ? (row.config ?? [])
        : ["search_path=pg_catalog, pg_temp", ...(row.config ?? [])];
      expect(path, row.name).toBe("search_path=pg_catalog, pg_temp");
      // Those that wait for what a worker may hold say how long.
      const plans = rest.filter((setting) => !setting.startsWith("lock_timeout="));
      expect(["", planSettings], row.name).toContain(plans.join(" "));
      expect(row.source, row.name).not.toMatch(/\bexecute\s+(format|'|v_)/i);
    }
    // A verb that is added without its fence or its credential is found here.
    for (const [verb, { fencedBy }] of Object.entries(workerVerbs)) {
      const source = rows.find((row) => row.name === verb)!.source;
      expect(source, verb).toContain(fencedBy === "lease" ? "internal.lock_lease(" : "internal.worker_principal(");
    }
  });

  it("can neither make tables nor temporary ones", async () => {
    for (const text of ["create table public.x (y int)", "create temporary table x (y int)", "create schema x"]) {
      await expect(sql.raw(text).execute(world.as.worker.db)).rejects.toMatchObject({ code: "42501" });
    }
  });
});

describe("the door's role", () => {
  it("sees no row of another organisation, even when a query forgets to ask", async () => {
    await world.wish();
    const stranger = { orgId: newId<"org">(), userId: newId<"user">() };
    expect((await listSessions(world.as.web.db, world.actor, { limit: 10 })).sessions).toHaveLength(1);
    const seen = await inOrg(world.as.web.db, stranger, async (tx) => ({
      sessions: await tx.selectFrom("cowork.sessions").selectAll().execute(),
      events: await tx.selectFrom("cowork.session_events").selectAll().execute(),
      commands: await tx.selectFrom("cowork.commands").selectAll().execute(),
    }));
    expect(seen).toEqual({ sessions: [], events: [], commands: [] });
    // Outside of any organisation there is nothing at all.
    expect(await world.as.web.db.selectFrom("cowork.sessions").selectAll().execute()).toEqual([]);
  });

  it("sees people of its own organisation only", async () => {
    const stranger = await newTenant(world, "stranger");
    const people = (tx: { selectFrom: World["owner"]["db"]["selectFrom"] }) =>
      tx.selectFrom("cowork.users").select("user_id").execute();
    expect(await inOrg(world.as.web.db, world.actor, people)).toEqual([{ user_id: world.actor.userId }]);
    expect(await inOrg(world.as.web.db, stranger, people)).toEqual([{ user_id: stranger.userId }]);
    expect(await people(world.as.web.db)).toEqual([]);
  });

  it("can take a stored key away and not bring it back", async () => {
    const revoke = (to: string) =>
      inOrg(world.as.web.db, world.actor, (tx) =>
        sql.raw(`update cowork.sealed_secrets set revoked_at = ${to}`).execute(tx),
      );
    await inOrg(world.as.web.db, world.actor, (tx) =>
      sql`insert into cowork.sealed_secrets (org_id, secret_id, provider, version, key_id, sealed)
        values (${world.actor.orgId}, ${newId()}, 'default', 1, 'k', 'x')`.execute(tx),
    );
    await revoke("now()");
    await expect(revoke("null")).rejects.toMatchObject({ code: "CW003" });
    await expect(revoke("now() + interval '1 day'")).rejects.toMatchObject({ code: "CW003" });
  });

  it("can't touch a lease, an event that is written, or the plane's clock", async () => {
    for (const text of [
      "update cowork.lanes set lease_expires_at = null",
      "update cowork.work set leased_by = null",
      "update cowork.session_events set payload = '{}'",
      "delete from cowork.session_events",
      "delete from cowork.audit",
      "create or replace function cowork.now() returns timestamptz language sql as 'select now()'",
    ]) {
      await expect(sql.raw(text).execute(world.as.web.db), text).rejects.toMatchObject({ code: "42501" });
    }
  });
});
