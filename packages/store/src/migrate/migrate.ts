import { eventTypes } from "@open-cowork/contracts/events";
import { failures } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import { Migrator, type Migration } from "kysely/migration";
import type { Db } from "../database/open.ts";
import { sqlFiles } from "./sql-files.ts";

/**
 * Brings a database to this code's schema, as its owner: numbered migrations once and forward only, then the functions,
 * each time, because they are replaced with an identical signature and so need no history.
 */
export async function migrate(owner: Db): Promise<{ applied: string[] }> {
  const migrator = new Migrator({
    db: owner,
    provider: {
      getMigrations: async () =>
        Object.fromEntries(sqlFiles("migrations").map(({ name, text }) => [name, asMigration(text)])),
    },
    migrationTableSchema: "cowork_migrations",
  });
  const { error, results } = await migrator.migrateToLatest();
  if (error) throw new Error("a migration failed", { cause: error });
  await owner.transaction().execute(async (tx) => {
    await sql`grant usage on schema cowork_migrations to cowork_api`.execute(tx);
    await sql`grant select on cowork_migrations.kysely_migration to cowork_api`.execute(tx);
    await loadWords(tx);
    // As the verbs' owner, so that they run with its exact rights and not with those of the tables' owner.
    await sql`set local role cowork_api`.execute(tx);
    // SQL functions check what they name at creation, and these folders call each other in this order only.
    await sql`set local check_function_bodies = off`.execute(tx);
    for (const folder of ["internal", "web-api", "worker-api"] as const) {
      for (const { text } of sqlFiles(folder)) await sql.raw(text).execute(tx);
    }
  });
  return { applied: (results ?? []).map((result) => result.migrationName) };
}

function asMigration(text: string): Migration {
  return { up: async (db) => void (await sql.raw(text).execute(db)) };
}

/** The words that SQL shares with TypeScript have one source: the tables in contracts. */
async function loadWords(tx: Db): Promise<void> {
  for (const [type, row] of Object.entries(eventTypes)) {
    await tx
      .insertInto("cowork.event_types")
      .values({ type, producer: row.producer, projected: row.projected })
      .onConflict((conflict) =>
        conflict.column("type").doUpdateSet({ producer: row.producer, projected: row.projected }),
      )
      .execute();
  }
  for (const [reason, row] of Object.entries(failures)) {
    await tx
      .insertInto("cowork.failures")
      .values({ reason, retry: row.retry })
      .onConflict((conflict) => conflict.column("reason").doUpdateSet({ retry: row.retry }))
      .execute();
  }
}
