import { jittered, systemClock } from "@open-cowork/contracts/clock";
import { sql } from "kysely";
import { newestMigration } from "../migrate/sql-files.ts";
import type { ServiceRole } from "../migrate/roles.ts";
import type { Database } from "./open.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

/** What `cowork.now()` must be: anything else is a test database, or somebody moving time under live leases. */
const nowBody = "select clock_timestamp()";

export const restoredProblem =
  "the database was restored from a backup or copied, and cursors and audit seals point to what is not in it: run node scripts/db/after-restore.ts with its owner's DATABASE_URL";

/** Wrong password, unknown role, role may not log in here, unknown database. */
const refusedLogin = new Set(["28P01", "28000", "42501", "3D000"]);

/** A database that is starting up or failing over is given this long before a service gives up on it. */
const patienceMs = 30_000;

/** One line per reason why a service must not start on this database; empty when all is well. */
export async function selfCheck(database: Database, role: ServiceRole, patience = patienceMs): Promise<string[]> {
  const givesUpAt = systemClock.monotonicMs() + patience;
  for (;;) {
    try {
      return await checkOnce(database, role);
    } catch (error) {
      const code = (error as { code?: string }).code ?? "";
      if (refusedLogin.has(code))
        return [`the database refuses this service's login (${code}): check OPEN_COWORK_CLOUD_DATABASE_URL`];
      if (!(error instanceof DatabaseUnavailable)) throw error;
      if (systemClock.monotonicMs() > givesUpAt)
        return [`${error.message}: is OPEN_COWORK_CLOUD_DATABASE_URL right, and Postgres up?`];
      await systemClock.sleep(jittered(300));
    }
  }
}

async function checkOnce(database: Database, role: ServiceRole): Promise<string[]> {
  const { rows } = await sql<{
    role: string;
    super: boolean;
    bypass: boolean;
    owns: boolean;
    body: string | null;
    version: string | null;
    restored: boolean | null;
    prepared: boolean;
  }>`
    select current_user as role, r.rolsuper as super, r.rolbypassrls as bypass,
      exists (select from pg_namespace n where n.nspname = 'cowork' and pg_has_role(current_user, n.nspowner, 'usage')) as owns,
      (select p.prosrc from pg_proc p join pg_namespace n on n.oid = p.pronamespace where n.nspname = 'cowork' and p.proname = 'now') as body,
      case when to_regprocedure('internal.schema_version()') is not null then internal.schema_version() end as version,
      case when to_regprocedure('internal.is_restored()') is not null then internal.is_restored() end as restored,
      current_setting('max_prepared_transactions')::int > 0 as prepared
    from pg_roles r where r.rolname = current_user`
    .execute(database.db)
    .catch(missingSchema);
  const found = rows[0];
  if (!found) return ["the database has no schema of the plane yet: migrate it first (pnpm start does)"];
  const problems: string[] = [];
  if (found.super || found.bypass || found.owns) {
    problems.push(
      `refusing to run as ${found.role}, which may do more than this service should: use the role cowork_${role}`,
    );
  }
  if (found.body !== nowBody)
    problems.push("cowork.now() is not the database's own clock: this is a test database, or it was tampered with");
  if (found.version === null || found.version < newestMigration()) {
    problems.push(
      `the database is at schema ${found.version ?? "none"}, this service needs ${newestMigration()}: migrate it first`,
    );
  }
  // A transaction that a worker prepared would hold its lanes with no connection that could be ended.
  if (found.prepared)
    problems.push("max_prepared_transactions must be 0: set it in postgresql.conf and restart Postgres");
  if (found.restored === true) problems.push(restoredProblem);
  return problems;
}

/** Naming a function or schema that isn't there fails at parse time. */
function missingSchema(error: unknown): { rows: [] } {
  if (["3F000", "42883"].includes((error as { code?: string }).code ?? "")) return { rows: [] };
  throw error;
}
