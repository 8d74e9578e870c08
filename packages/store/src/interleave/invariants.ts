import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** What is true after every schedule, whatever its order; each query finds the rows that break it. */
const lies: Record<string, string> = {
  "a piece of work has two live leases, or its lane and its row disagree about the lease": `
    select w.work_id from cowork.work w left join cowork.lanes l on l.work_id = w.work_id
      group by w.work_id, w.status having count(l.lane_id) <> (w.status = 'leased')::int
    union all
    select w.work_id from cowork.work w join cowork.lanes l on l.work_id = w.work_id
      where w.attempt <> l.attempt or w.leased_by <> l.worker_id`,
  "a lease has no open attempt, or an open attempt has no lease": `
    select a.work_id from cowork.attempts a left join cowork.lanes l on l.token_hash = a.token_hash
      where (a.ended_at is null) <> (l.lane_id is not null)`,
  "a lane has two promoted pieces of work": `
    select w.lane_id from cowork.work w where w.status in ('ready', 'leased', 'parked') group by 1 having count(*) > 1`,
  "a lane's head is not its first live row": `
    select w.work_id from cowork.work w where w.status in ('queued', 'ready', 'leased', 'parked')
      and w.is_head <> not exists (select from cowork.work b where b.lane_id = w.lane_id and b.position < w.position
        and b.status in ('queued', 'ready', 'leased', 'parked'))`,
  "the sequence of a session has a gap": `
    select l.lane_id from cowork.lanes l left join cowork.session_events e using (session_id)
      group by l.lane_id having count(e.seq) <> l.next_seq - 1 or coalesce(max(e.seq), 0) <> l.next_seq - 1`,
  "an ask is open although the attempt that asked has no lease any more": `
    select d.decision_id from cowork.decisions d left join cowork.lanes l on l.work_id = d.work_id and l.attempt = d.attempt
      where d.status = 'open' and l.lane_id is null`,
  "a tenant's counters differ from a recount": `
    select t.org_id from cowork.tenants t left join cowork.work w using (org_id)
      group by t.org_id having t.waiting <> count(*) filter (where w.status = 'queued')
        or t.promoted <> count(*) filter (where w.status in ('ready', 'leased', 'parked'))`,
  "a tenant has more promoted than its quota": `
    select t.org_id from cowork.tenants t where t.promoted > internal.quota(t.org_id, 'concurrent_sessions')`,
  "a ready row stands below the floor of its route, where no claim looks": `
    select w.work_id from cowork.work w join cowork.routes r using (route_id) where w.status = 'ready' and w.tag < r.floor`,
  "a revoked worker has a lease": `
    select l.lane_id from cowork.lanes l join cowork.workers w using (worker_id) where w.status = 'revoked'`,
  "a work's command does not show its state": `
    select w.work_id from cowork.work w join cowork.commands c using (command_id) where c.status <> case w.status
      when 'leased' then 'working' when 'queued' then 'waiting' when 'ready' then 'waiting' when 'dead' then 'failed' else w.status end
      and not (w.status = 'cancelled' and c.status = 'failed')`,
};

/** Not of the second organisation, where the scene has room from the start that only the tick can find. */
const lostWakeUp = `
  select w.work_id from cowork.work w join cowork.tenants t using (org_id) join cowork.orgs o using (org_id)
    where o.name <> 'second' and w.status = 'queued' and w.is_head and w.available_at <= cowork.now()
      and t.promoted < internal.quota(t.org_id, 'concurrent_sessions')`;

/** `roomMayStay`: somebody who promotes nothing held the lane of a waiting head, so passing over it was lawful. */
export async function findLies(owner: Db, roomMayStay: boolean): Promise<string[]> {
  const all = roomMayStay ? lies : { ...lies, "a due head was left waiting although there is room": lostWakeUp };
  const text = Object.entries(all)
    .map(([lie, query]) => `select '${lie.replaceAll("'", "''")}' as lie where exists (${query})`)
    .join("\nunion all\n");
  const { rows } = await sql.raw<{ lie: string }>(text).execute(owner);
  return rows.map((row) => row.lie);
}
