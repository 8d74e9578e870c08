import { sql } from "kysely";
import { roleSettings, serviceRoles } from "../migrate/roles.ts";
import type { Db } from "./open.ts";

/**
 * Settings of the services' roles that set-up did not make, one line each. Postgres lets a role change its own settings for
 * everybody who logs in with it, and all workers share one: whoever took one worker over could so stop the others.
 */
export async function findAlteredRoles(db: Db): Promise<string[]> {
  const expected = Object.entries(roleSettings).map(([setting, value]) => `${setting}=${value}`);
  const { rows } = await sql<{ role: string; settings: string[] }>`
    select r.rolname as role, to_jsonb(coalesce(s.setconfig, '{}')) as settings
      from pg_roles r left join pg_db_role_setting s on s.setrole = r.oid
        and s.setdatabase in (0, (select oid from pg_database where datname = current_database()))
      where r.rolname in (select jsonb_array_elements_text(${serviceRoles.map((role) => `cowork_${role}`)}::jsonb))`.execute(
    db,
  );
  const found = rows.flatMap(({ role, settings }) => settings.map((setting) => ({ role, setting })));
  const missing = serviceRoles.flatMap((name) =>
    expected
      .filter((setting) => !found.some((one) => one.role === `cowork_${name}` && one.setting === setting))
      .map((setting) => `cowork_${name}: ${setting} is gone`),
  );
  return [
    ...found.filter((one) => !expected.includes(one.setting)).map(({ role, setting }) => `${role}: ${setting}`),
    ...missing,
  ].sort();
}
