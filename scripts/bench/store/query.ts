import { systemClock } from "@open-cowork/contracts/clock";
import pg from "pg";

/**
 * The bench's own way to SQL, past every guard of the product: it makes backlogs as superuser, and it is the ordinary
 * client of the peers. Ours is only ever driven through packages/store.
 */
export async function query<T extends object>(url: string, text: string, values: unknown[] = []): Promise<T[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<T>(text, values);
    return rows;
  } finally {
    await client.end();
  }
}

/** The same server, another database. */
export function databaseUrl(adminUrl: string, name: string): string {
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  return url.href;
}

/** An empty database of that name, whatever was there. */
export async function freshDatabase(adminUrl: string, name: string): Promise<string> {
  await query(adminUrl, `drop database if exists ${name} with (force)`);
  await query(adminUrl, `create database ${name}`);
  return databaseUrl(adminUrl, name);
}

/** Commits of a database so far. Connections report when they end, so the contestant's are closed first and waited for. */
export async function countCommits(adminUrl: string, name: string): Promise<number> {
  const giveUpAt = systemClock.monotonicMs() + 10_000;
  const open = "select from pg_stat_activity where datname = $1 and backend_type = 'client backend'";
  while ((await query(adminUrl, open, [name])).length > 0) {
    if (systemClock.monotonicMs() > giveUpAt) throw new Error(`somebody is still connected to ${name}`);
    await systemClock.sleep(50);
  }
  const [row] = await query<{ commits: string }>(
    adminUrl,
    "select xact_commit as commits from pg_stat_database where datname = $1",
    [name],
  );
  return Number(row!.commits);
}
