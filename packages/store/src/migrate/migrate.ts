import { eventTypes } from "@open-cowork/contracts/events";
import { lifecycles } from "@open-cowork/contracts/lifecycles";
import { quotas } from "@open-cowork/contracts/quotas";
import { failures } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import { Migrator, type Migration } from "kysely/migration";
import type { Db } from "../database/open.ts";
import { sqlFiles } from "./sql-files.ts";

/** Months of partitions that a migration makes; upgrades come more often than that. */
const partitionsAhead = 13;

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
    await sql`select cowork.make_partitions(${partitionsAhead}::int)`.execute(tx);
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
  const types = Object.entries(eventTypes).map(([type, { producer, projected }]) => ({ type, producer, projected }));
  await sql`insert into cowork.event_types select * from jsonb_to_recordset(${types}::jsonb)
      as t (type text, producer text, projected boolean)
    on conflict (type) do update set producer = excluded.producer, projected = excluded.projected`.execute(tx);
  const reasons = Object.entries(failures).map(([reason, row]) => ({
    reason,
    retry: row.retry,
    pause_ms: row.pauseMs,
    pause_most_ms: row.pauseMostMs,
  }));
  await sql`insert into cowork.failures select * from jsonb_to_recordset(${reasons}::jsonb)
      as f (reason text, retry text, pause_ms integer, pause_most_ms integer)
    on conflict (reason) do update set retry = excluded.retry, pause_ms = excluded.pause_ms,
      pause_most_ms = excluded.pause_most_ms`.execute(tx);
  const limits = Object.entries(quotas).map(([quota, { most }]) => ({ quota, most }));
  await sql`insert into cowork.quota_defaults select * from jsonb_to_recordset(${limits}::jsonb) as q (quota text, most bigint)
    on conflict (quota) do update set most = excluded.most`.execute(tx);
  const moves = Object.entries(lifecycles).flatMap(([machine, states]) =>
    Object.entries(states).flatMap(([from, { next }]) =>
      next.map((to: string) => ({ machine, from_state: from, to_state: to })),
    ),
  );
  await sql`delete from cowork.lifecycle_moves`.execute(tx);
  await sql`insert into cowork.lifecycle_moves select * from jsonb_to_recordset(${moves}::jsonb)
    as m (machine text, from_state text, to_state text)`.execute(tx);
  await tx.executeQuery(sql.raw(await lawfulMoves(tx)).compile(tx));
}

/** The moves once more, as the constant that the guard of every row compares with. */
async function lawfulMoves(tx: Db): Promise<string> {
  const { rows } = await sql<{ text: string }>`
    select format('create or replace function cowork.lawful_moves(p_machine text) returns text[] language sql immutable parallel safe as %L',
        'select case p_machine ' || string_agg(format('when %L then %L::text[]', m.machine, m.moves), ' ' order by m.machine) || ' end') as text
      from (select machine, array_agg(from_state || '>' || to_state order by from_state, to_state)::text as moves
        from cowork.lifecycle_moves group by machine) m`.execute(tx);
  return rows[0]!.text;
}
