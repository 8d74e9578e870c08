import pg from "pg";
import type { BenchPlane } from "./plane.ts";

/** What may stand in the way of a claim, by the name it has in the table. */
export const backlogs = {
  "ready rows": {},
  "rows of an over-quota tenant": {},
  "rows of another pool": {},
  "rows not yet due": {},
  "rows not head of their lane": {},
} as const;
export type Backlog = keyof typeof backlogs;

/** Live rows of one lane in the last case: one parked head, the rest behind it. */
const perLane = 50;

/**
 * Makes `count` rows of work by set-based inserts, with the sessions, lanes and prompts that belong to them. Foreign
 * keys hold by construction and are not checked again row by row; CHECKs, unique indexes and counters are as ever.
 */
export async function makeBacklog(plane: BenchPlane, kind: Backlog, count: number): Promise<void> {
  const tenant = await plane.newTenant(kind === "rows of an over-quota tenant" ? 0 : undefined);
  const client = new pg.Client({ connectionString: plane.adminUrl });
  await client.connect();
  const run = (text: string) => client.query(text);
  const lanes = kind === "rows not head of their lane" ? Math.ceil(count / perLane) : count;
  try {
    await run("set session_replication_role = replica");
    await run("set synchronous_commit = off");
    await run("set work_mem = '256MB'");
    const org = `'${tenant.orgId}'::uuid`;
    const user = `'${tenant.userId}'::uuid`;
    // Ordered as uuidv7 are.
    const id = (kindOfId: number, n: string) =>
      `('019a000${kindOfId}-0000-7000-8000-' || lpad(to_hex(${n}), 12, '0'))::uuid`;
    const { rows: pools } = await run(
      kind === "rows of another pool"
        ? "insert into cowork.worker_pools (pool_id, name) values (gen_random_uuid(), 'other') returning pool_id"
        : `select '${plane.poolId}'::uuid as pool_id`,
    );
    const { rows: routes } = await run(
      `select internal.route('${(pools[0] as { pool_id: string }).pool_id}', 'default', '{}') as route_id`,
    );
    const route = (routes[0] as { route_id: number }).route_id;
    await run(`insert into cowork.sessions (org_id, session_id, profile_id, title, created_by)
      select ${org}, ${id(1, "n")}, p.profile_id, 'Backlog', ${user}
        from generate_series(1, ${lanes}) n, cowork.profiles p where p.org_id = ${org}`);
    await run(`insert into cowork.lanes (lane_id, org_id, session_id, next_command_seq, next_position)
      select ${id(1, "n")}, ${org}, ${id(1, "n")}, ${count / lanes + 1}, ${count / lanes + 1} from generate_series(1, ${lanes}) n`);
    await run(`insert into cowork.commands (org_id, command_id, session_id, command_seq, kind, body, created_by)
      select ${org}, ${id(2, "n")}, ${id(1, `(n - 1) % ${lanes} + 1`)}, (n - 1) / ${lanes} + 1, 'prompt', '{"text": "Say hello"}', ${user}
        from generate_series(1, ${count}) n`);
    const ready = kind === "ready rows" || kind === "rows of another pool";
    const head = `n <= ${lanes}`;
    const status =
      kind === "rows not head of their lane"
        ? `case when ${head} then 'parked' else 'queued' end`
        : ready
          ? "'ready'"
          : "'queued'";
    await run(`insert into cowork.work (org_id, work_id, lane_id, session_id, command_id, work_type, route_id, status, position,
        is_head, tag, ready_at, available_at)
      select ${org}, ${id(3, "n")}, ${id(1, `(n - 1) % ${lanes} + 1`)}, ${id(1, `(n - 1) % ${lanes} + 1`)}, ${id(2, "n")},
          'session_command', ${route}, ${status}, (n - 1) / ${lanes} + 1, ${head},
          ${ready ? "n, cowork.now()" : "null, null"}, cowork.now() ${kind === "rows not yet due" ? "+ interval '1 day'" : "- interval '1 minute'"}
        from generate_series(1, ${count}) n`);
    const promoted = ready ? count : kind === "rows not head of their lane" ? lanes : 0;
    await run(`update cowork.tenants set promoted = ${promoted}, waiting = ${count - promoted},
        last_tag = ${ready ? count : 0} where org_id = ${org}`);
    await run("reset session_replication_role");
    await run("vacuum analyze");
    await run("checkpoint");
  } finally {
    await client.end();
  }
}
