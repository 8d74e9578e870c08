import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/**
 * Everything that a schedule may have changed, without what differs by nature (instants, random ids, tags, the order of
 * unrelated rows): two schedules with the same sight have done the same.
 */
export async function look(owner: Db): Promise<Record<string, unknown>> {
  const { rows } = await sql<{ sight: Record<string, unknown> }>`select jsonb_build_object(
    'lanes', (select jsonb_object_agg(s.title, jsonb_build_array(l.next_seq, l.next_command_seq, l.next_position, l.attempt,
        l.token_hash is not null, w.name, l.last_batch_no, l.lease_expires_at > cowork.now()))
      from cowork.lanes l join cowork.sessions s using (session_id) left join cowork.workers w on w.worker_id = l.worker_id),
    'work', (select jsonb_agg(jsonb_build_array(s.title, w.position, w.status, w.class, w.is_head, w.attempt, w.strikes,
        w.checkpoint_version, w.reason, w.available_at <= cowork.now(), w.preferred_boot_id is null,
        c.status, c.attempt, c.reason) order by s.title, w.position)
      from cowork.work w join cowork.sessions s using (session_id) join cowork.commands c using (command_id)),
    'events', (select jsonb_object_agg(title, types) from (select s.title, jsonb_agg(e.seq || ' ' || e.type order by e.seq) as types
      from cowork.session_events e join cowork.sessions s using (session_id) group by s.title) e),
    'parts', (select count(*) from cowork.parts),
    'tenants', (select jsonb_agg(jsonb_build_array(o.name, t.waiting, t.promoted) order by o.name)
      from cowork.tenants t join cowork.orgs o using (org_id)),
    'workers', (select jsonb_agg(jsonb_build_array(w.name, w.status, w.status_by, i.heartbeat_seq) order by w.name)
      from cowork.workers w left join cowork.worker_incarnations i using (worker_id)),
    'attempts', (select jsonb_agg(jsonb_build_array(s.title, w.position, a.attempt, a.outcome, a.reason, a.checkpoint_version,
        a.finish_batch_no, (select jsonb_agg(c order by c) from unnest(a.refused_classes) c)) order by s.title, w.position, a.attempt)
      from cowork.attempts a join cowork.work w using (work_id) join cowork.sessions s using (session_id)),
    'decisions', (select jsonb_agg(jsonb_build_array(s.title, d.status, d.decided_by is null, d.applied_at is null) order by s.title)
      from cowork.decisions d join cowork.sessions s using (session_id)),
    'signals', (select jsonb_agg(jsonb_build_array(s.title, g.kind, g.payload ->> 'status') order by s.title, g.kind) from cowork.signals g join cowork.sessions s using (session_id)),
    'audit', (select jsonb_agg(jsonb_build_array(a.action, a.reason, a.subject -> 'writeClass', a.subject -> 'leasesEnded')
      order by a.action, a.reason, a.subject ->> 'writeClass', a.subject ->> 'leasesEnded') from cowork.audit a),
    'objects', (select jsonb_build_array((select count(*) from cowork.packs), (select count(*) from cowork.artifacts),
      (select coalesce(sum(amount), 0) from cowork.usage), (select jsonb_agg(jsonb_build_array(s.title, c.version, c.event_seq)
        order by s.title, c.version) from cowork.checkpoints c join cowork.sessions s using (session_id)))),
    'dead', (select jsonb_agg(jsonb_build_array(d.resolution) order by d.died_at) from cowork.dead_letters d)
  ) as sight`.execute(owner);
  return rows[0]!.sight;
}
