import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/**
 * An active or draining worker none of whose processes has been heard of is unhealthy: it claims nothing until it is
 * heard again. One that was never heard of has until then counted from its last change of state. One that a person was
 * draining stays unhealthy until a person says more: a heartbeat would otherwise make it claim again.
 */
export async function markUnhealthyWorkers(db: Db, unhealthyAfterMs: number): Promise<string[]> {
  const { rows } = await sql<{ worker_id: string }>`
    with silent as (
      update cowork.workers w set status = 'unhealthy', status_changed_at = cowork.now(),
          status_by = case w.status when 'active' then 'plane' else w.status_by end
        where w.status in ('active', 'draining')
          and w.status_changed_at < cowork.now() - make_interval(secs => ${unhealthyAfterMs / 1000}::float8)
          and not exists (
            select from cowork.worker_incarnations i where i.worker_id = w.worker_id
              and i.last_seen_at > cowork.now() - make_interval(secs => ${unhealthyAfterMs / 1000}::float8))
        returning w.worker_id
    ), evidence as (
      insert into cowork.audit (action, reason, actor_kind, actor_id, subject)
        select 'worker_unhealthy', 'heartbeat_missed', 'scheduler', null, jsonb_build_object('workerId', worker_id) from silent
    )
    select worker_id from silent`.execute(db);
  return rows.map((row) => row.worker_id);
}
