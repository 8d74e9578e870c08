import { createHash, randomBytes } from "node:crypto";
import type {} from "@open-cowork/testkit/postgres/for-suites";
import { sql } from "kysely";
import { inject } from "vitest";
import { openDatabase, type Database } from "../database/open.ts";
import { createOwner } from "../migrate/create-owner.ts";
import { closeDatabaseToOthers, type RolePasswords, type ServiceRole } from "../migrate/roles.ts";
import { setUpDatabase, urlsOf, withOwner } from "../migrate/set-up-database.ts";
import { sqlFiles } from "../migrate/sql-files.ts";

/** Roles belong to the cluster, and suites run side by side, so all of them use the same passwords. */
const passwords: RolePasswords & { owner: string } = {
  owner: "owner-in-tests",
  web: "web-in-tests",
  scheduler: "scheduler-in-tests",
  worker: "worker-in-tests",
};

export interface TestDatabase {
  ownerUrl: string;
  urls: Record<ServiceRole, string>;
  owner: Database;
  as: Record<ServiceRole, Database>;
  /** Moves the database's clock forward; services refuse to start on such a database, verbs don't notice. */
  advance(ms: number): Promise<void>;
  drop(): Promise<void>;
}

/** A migrated database of its own, cloned from a template that is made once per content of the SQL files. */
export async function createTestDatabase(): Promise<TestDatabase> {
  const adminUrl = inject("postgresAdminUrl");
  const template = await ensureTemplate(adminUrl);
  const name = `cowork_t_${randomBytes(6).toString("hex")}`;
  await withOwner(adminUrl, ({ db }) =>
    sql.raw(`create database ${name} template ${template} owner cowork_owner`).execute(db),
  );
  const ownerUrl = urlOf(adminUrl, name);
  const urls = urlsOf(ownerUrl, passwords);
  const open = (url: string, who: string) =>
    openDatabase({
      url,
      applicationName: `test-${who}`,
      deadlineMs: 10_000,
      connections: 8,
      transactionPooler: false,
      scripts: who === "owner",
    });
  const owner = open(ownerUrl, "owner");
  // The template's own privileges stay behind: they belong to a database, not to what is in it.
  await closeDatabaseToOthers(owner.db);
  // A copy knows that it is one, and services would refuse to start on it.
  await sql`update cowork.plane set database_oid = (select oid from pg_database where datname = current_database())`.execute(
    owner.db,
  );
  const as = {
    web: open(urls.web, "web"),
    scheduler: open(urls.scheduler, "scheduler"),
    worker: open(urls.worker, "worker"),
  };
  let movedMs = 0;
  let moved: Promise<unknown> = Promise.resolve();
  return {
    ownerUrl,
    urls,
    owner,
    as,
    advance: async (ms) => {
      movedMs += ms;
      // One after the other: Postgres does not replace a function twice at once.
      moved = moved.then(() =>
        sql
          .raw(`create or replace function cowork.now() returns timestamptz language sql volatile parallel safe as
          'select clock_timestamp() + interval ''${movedMs} milliseconds'''`)
          .execute(owner.db),
      );
      await moved;
    },
    drop: async () => {
      await Promise.all([owner.close(), ...Object.values(as).map((database) => database.close())]);
      await withOwner(adminUrl, ({ db }) => sql.raw(`drop database if exists ${name} with (force)`).execute(db));
    },
  };
}

async function ensureTemplate(adminUrl: string): Promise<string> {
  const content = (["migrations", "internal", "web-api", "worker-api"] as const).flatMap((folder) => sqlFiles(folder));
  const name = `cowork_template_${createHash("sha256").update(JSON.stringify(content)).digest("hex").slice(0, 12)}`;
  return withOwner(adminUrl, ({ db }) =>
    // One transaction holds the lock while other connections build: suites of a run start at the same moment.
    db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock(7482101)`.execute(tx);
      const found = await sql`select from pg_database where datname = ${name}`.execute(tx);
      if (found.rows.length > 0) return name;
      const building = `${name}_building`;
      await withOwner(adminUrl, (admin) =>
        sql.raw(`drop database if exists ${building} with (force)`).execute(admin.db),
      );
      await setUpDatabase(await createOwner(adminUrl, { database: building, password: passwords.owner }), passwords);
      await withOwner(adminUrl, (admin) => sql.raw(`alter database ${building} rename to ${name}`).execute(admin.db));
      return name;
    }),
  );
}

function urlOf(adminUrl: string, database: string): string {
  const url = new URL(adminUrl);
  url.username = "cowork_owner";
  url.password = passwords.owner;
  url.pathname = `/${database}`;
  return url.href;
}
