import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { closeCatalogue } from "./close-catalogue.ts";
import { scramVerifier } from "./scram-verifier.ts";
import { withOwner } from "./set-up-database.ts";

/**
 * For a Postgres that is all ours (embedded, tests): the owner's role and database, made by the superuser, with the
 * catalogue closed to everybody else. Returns the owner's URL. Repeatable.
 */
export async function createOwner(
  superuserUrl: string,
  options: { database: string; password: string },
): Promise<string> {
  await withOwner(superuserUrl, async ({ db }) => {
    const verifier = scramVerifier(options.password);
    await ensure(db, sql`select from pg_roles where rolname = 'cowork_owner'`, "create role cowork_owner");
    await sql.raw(`alter role cowork_owner login createrole password '${verifier}'`).execute(db);
    await ensure(db, sql`select from pg_roles where rolname = 'cowork_api'`, "create role cowork_api nologin");
    await sql`grant cowork_api to cowork_owner with admin option`.execute(db);
    const found = sql`select from pg_database where datname = ${options.database}`;
    await ensure(db, found, `create database "${options.database}" owner cowork_owner`);
  });
  const database = new URL(superuserUrl);
  database.pathname = `/${options.database}`;
  await withOwner(database.href, ({ db }) => closeCatalogue(db, "cowork_owner, cowork_api"));
  database.username = "cowork_owner";
  database.password = encodeURIComponent(options.password);
  return database.href;
}

async function ensure(db: Db, look: ReturnType<typeof sql>, make: string): Promise<void> {
  const { rows } = await look.execute(db);
  if (rows.length === 0) await sql.raw(make).execute(db);
}
