import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { scramVerifier } from "./scram-verifier.ts";

export const serviceRoles = ["web", "scheduler", "worker"] as const;
export type ServiceRole = (typeof serviceRoles)[number];
export type RolePasswords = Record<ServiceRole, string>;

/** A role can lift its own timeouts, so these help against accidents; the scheduler ends who sits in a transaction. */
export const roleSettings = { statement_timeout: "10s", idle_in_transaction_session_timeout: "5s" } as const;

/** Roles belong to the whole cluster; creating one that exists only sets its password. */
export async function createRoles(owner: Db, passwords: RolePasswords): Promise<void> {
  await createRole(owner, "cowork_api", "nologin inherit");
  // The owner applies the verbs as their owner, see migrate.ts.
  await sql`grant cowork_api to current_user`.execute(owner);
  for (const role of serviceRoles) {
    const verifier = scramVerifier(passwords[role]);
    await createRole(owner, `cowork_${role}`, `login noinherit password '${verifier}'`);
  }
  await resetRoles(owner);
  // Its membership lets the scheduler's function end connections of workers, and of nobody else.
  await sql`grant cowork_worker to cowork_api`.execute(owner);
}

/** A role may also change its settings for everybody who uses it (and its password, which each set-up renews). */
export async function resetRoles(owner: Db): Promise<void> {
  const { rows } = await sql<{ name: string }>`select quote_ident(current_database()) as name`.execute(owner);
  for (const role of serviceRoles) {
    await sql.raw(`alter role cowork_${role} reset all`).execute(owner);
    await sql.raw(`alter role cowork_${role} in database ${rows[0]!.name} reset all`).execute(owner);
    for (const [setting, value] of Object.entries(roleSettings))
      await sql.raw(`alter role cowork_${role} set ${setting} = '${value}'`).execute(owner);
  }
}

async function createRole(owner: Db, name: string, attributes: string): Promise<void> {
  const found = await sql`select from pg_roles where rolname = ${name}`.execute(owner);
  const verb = found.rows.length > 0 ? "alter" : "create";
  await sql.raw(`${verb} role ${name} ${attributes}`).execute(owner);
}

/** Nobody connects to this database but its own roles; nobody makes temporary tables in it. */
export async function closeDatabaseToOthers(owner: Db): Promise<void> {
  const { rows } = await sql<{ name: string }>`select quote_ident(current_database()) as name`.execute(owner);
  const database = rows[0]!.name;
  await sql.raw(`revoke connect, temporary on database ${database} from public`).execute(owner);
  await sql.raw(`grant connect on database ${database} to cowork_web, cowork_scheduler, cowork_worker`).execute(owner);
}
