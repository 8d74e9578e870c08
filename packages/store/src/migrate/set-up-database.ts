import { sql } from "kysely";
import { openDatabase, type Database } from "../database/open.ts";
import { closeCatalogue, openCatalogue } from "./close-catalogue.ts";
import { migrate } from "./migrate.ts";
import { closeDatabaseToOthers, createRoles, serviceRoles, type RolePasswords, type ServiceRole } from "./roles.ts";

/** The database is there but can't serve the plane; the message is one line that says what to do. */
export class DatabaseUnfit extends Error {
  override name = "DatabaseUnfit";
}

export interface SetUp {
  urls: Record<ServiceRole, string>;
  applied: string[];
  /** What this server leaves open that a superuser could close, one line each. */
  warnings: string[];
}

/** Roles, schema and functions, from the owner's URL; hands each service a URL of its own. */
export async function setUpDatabase(ownerUrl: string, passwords: RolePasswords): Promise<SetUp> {
  return withOwner(ownerUrl, async ({ db }) => {
    const { superuser } = await mustBeFit(db);
    await createRoles(db, passwords);
    const { applied } = await migrate(db);
    await closeDatabaseToOthers(db);
    if (superuser) await closeCatalogue(db, "cowork_api");
    return { urls: urlsOf(ownerUrl, passwords), applied, warnings: await warningsOf(db) };
  });
}

/** A short-lived connection with the owner's rights and room for slow migrations. */
export async function withOwner<T>(ownerUrl: string, work: (owner: Database) => Promise<T>): Promise<T> {
  const owner = openDatabase({
    url: ownerUrl,
    applicationName: "cowork-set-up",
    deadlineMs: 120_000,
    connections: 2,
    transactionPooler: false,
    scripts: true,
  });
  try {
    return await work(owner);
  } finally {
    await owner.close();
  }
}

export function urlsOf(ownerUrl: string, passwords: RolePasswords): Record<ServiceRole, string> {
  return Object.fromEntries(
    serviceRoles.map((role) => [role, urlOf(ownerUrl, `cowork_${role}`, passwords[role])]),
  ) as Record<ServiceRole, string>;
}

function urlOf(ownerUrl: string, role: string, password: string): string {
  const url = new URL(ownerUrl);
  url.username = role;
  url.password = encodeURIComponent(password);
  return url.href;
}

async function warningsOf(db: Database["db"]): Promise<string[]> {
  const open = await openCatalogue(db);
  if (open.length === 0) return [];
  return [
    `a worker's database role may use ${open.join(", ")} here and so disturb other services (it reaches no data): set up once with a superuser's URL to close that`,
  ];
}

async function mustBeFit(db: Database["db"]): Promise<{ superuser: boolean }> {
  const { rows } = await sql<{ version: number; may: boolean; name: string; creates: boolean; superuser: boolean }>`
    select current_setting('server_version_num')::int as version, rolsuper or rolcreaterole as may, rolname as name, rolsuper as superuser,
      has_database_privilege(current_database(), 'CREATE') as creates
    from pg_roles where rolname = current_user`.execute(db);
  const { version, may, name, creates, superuser } = rows[0]!;
  if (version < 150_000)
    throw new DatabaseUnfit(`Postgres ${Math.floor(version / 10_000)} is too old: the plane needs 15 or newer`);
  if (!may) throw new DatabaseUnfit(`the role ${name} may not create roles: alter role ${name} createrole`);
  if (!creates)
    throw new DatabaseUnfit(`the role ${name} may not create schemas here: make it the owner of the database`);
  return { superuser };
}
