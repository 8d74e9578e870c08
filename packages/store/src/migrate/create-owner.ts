import { sql } from "kysely";
import { scramVerifier } from "./scram-verifier.ts";
import { withOwner } from "./set-up-database.ts";

/**
 * For a Postgres that is all ours (embedded, tests): the owner's role and database, made by the superuser. Returns the
 * owner's URL. Repeatable.
 */
export async function createOwner(
  superuserUrl: string,
  options: { database: string; password: string },
): Promise<string> {
  return withOwner(superuserUrl, async ({ db }) => {
    const role = await sql`select from pg_roles where rolname = 'cowork_owner'`.execute(db);
    const verb = role.rows.length > 0 ? "alter" : "create";
    await sql
      .raw(`${verb} role cowork_owner login createrole password '${scramVerifier(options.password)}'`)
      .execute(db);
    const database = await sql`select from pg_database where datname = ${options.database}`.execute(db);
    if (database.rows.length === 0)
      await sql.raw(`create database "${options.database}" owner cowork_owner`).execute(db);
    const url = new URL(superuserUrl);
    url.username = "cowork_owner";
    url.password = encodeURIComponent(options.password);
    url.pathname = `/${options.database}`;
    return url.href;
  });
}
