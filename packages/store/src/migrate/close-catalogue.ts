import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/**
 * What Postgres lets everybody do by default and no service of ours needs: ending other connections, holding advisory
 * locks, making large objects, writing to the log of changes, reading others' queries, and learning from statistics and
 * sizes how many rows a table has. Takes a superuser and is a property of one database, so an external one that is set up
 * without a superuser keeps these open, and says so; the worker still reaches no data.
 */
export async function closeCatalogue(superuser: Db, to: "cowork_api" | "cowork_owner, cowork_api"): Promise<void> {
  await superuser.transaction().execute(async (tx) => {
    const { rows } = await sql<{ signature: string }>`
      select p.oid::regprocedure::text as signature from pg_proc p join pg_namespace n on n.oid = p.pronamespace
        where n.nspname = 'pg_catalog' and (
          p.proname in ('pg_terminate_backend', 'pg_cancel_backend', 'pg_logical_emit_message', 'loread', 'lowrite')
          or p.proname like 'lo\\_%' or p.proname like 'pg\\_advisory%' or p.proname like 'pg\\_try\\_advisory%'
          or p.proname like 'pg\\_stat\\_get%' or p.proname ~ '^pg_(relation|table|total_relation|indexes|database)_size$')
        order by 1`.execute(tx);
    const functions = rows.map((row) => row.signature).join(", ");
    await sql.raw(`revoke execute on function ${functions} from public`).execute(tx);
    // Migrations take an advisory lock, promotions share one, and the scheduler's function ends stuck workers.
    await sql.raw(`grant execute on function ${functions} to ${to}`).execute(tx);
    await sql`revoke select on pg_stat_activity from public`.execute(tx);
    await hideEstimates(tx, to);
    await sql.raw(`grant select on pg_stat_activity to ${to}`).execute(tx);
  });
}

/** What the worker's role may do to others here, while the catalogue is open; empty once it is closed. */
export async function openCatalogue(db: Db): Promise<string[]> {
  const { rows } = await sql<{ name: string }>`
    select distinct p.proname as name from pg_proc p
      where p.pronamespace = 'pg_catalog'::regnamespace and p.proname in ('pg_terminate_backend', 'pg_try_advisory_lock', 'lo_create')
        and has_function_privilege('cowork_worker', p.oid, 'execute')
    union all
    select 'pg_stat_activity' where has_table_privilege('cowork_worker', 'pg_catalog.pg_stat_activity', 'select')
    order by 1`.execute(db);
  return rows.map((row) => row.name);
}

/** pg_class keeps an estimate of each table's rows; everybody may read its other columns, which drivers and tools do. */
async function hideEstimates(superuser: Db, to: string): Promise<void> {
  const { rows } = await sql<{ columns: string }>`
    select string_agg(quote_ident(attname), ', ' order by attnum) as columns from pg_attribute
      where attrelid = 'pg_catalog.pg_class'::regclass and attnum > 0 and not attisdropped
        and attname not in ('reltuples', 'relpages', 'relallvisible', 'relallfrozen')`.execute(superuser);
  await sql`revoke select on pg_catalog.pg_class from public`.execute(superuser);
  await sql.raw(`grant select (${rows[0]!.columns}) on pg_catalog.pg_class to public`).execute(superuser);
  await sql.raw(`grant select on pg_catalog.pg_class to ${to}`).execute(superuser);
}
