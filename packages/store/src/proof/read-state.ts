import type { SessionEvent } from "@open-cowork/contracts/events";
import { sql } from "kysely";
import { readSnapshot } from "../events/read-snapshot.ts";
import type { Reader } from "./check-state.ts";
import type { Cast, Stage } from "./stage.ts";
import type { Fact, State } from "./state.ts";

type Row = Record<string, never>;
type Read = Record<
  "tenants" | "lanes" | "work" | "attempts" | "workers" | "events" | "parts" | "audit" | "dead" | "facts",
  Row[]
> & {
  now: string;
  floor: number;
};

/** Reads what a schedule has made of the database into the model's rows, with the model's names for things. */
export async function readState(
  stage: Stage,
  cast: Cast,
  commands: readonly string[],
): Promise<{ state: State; history: Fact[] }> {
  const list = (ids: readonly string[]) => sql`string_to_array(${ids.join(",")}, ',')::uuid[]`;
  const orgs = list(cast.actors.map(({ orgId }) => orgId));
  const lanes = list(cast.lanes);
  const { rows } = await sql<{ read: Read }>`
    with w as materialized (
      select w.*, c.command_seq, c.status as command_status, c.reason as command_reason, c.body ->> 'text' as text,
          exists (select from cowork.signals s where s.work_id = w.work_id) as stopping,
          (select coalesce(max(d.attempts), 0) from cowork.dead_letters d where d.work_id = w.work_id) as died_at
        from cowork.commands c join cowork.work w on w.org_id = c.org_id and w.command_id = c.command_id
        where c.org_id = any (${orgs}))
    select json_build_object(
      'now', cowork.now(),
      'floor', coalesce((select r.floor from cowork.routes r where r.pool_id = ${stage.poolId}), 0),
      'tenants', (select json_agg(t) from (select t.*, (select json_object_agg(q.quota, q.most) from cowork.quotas q
        where q.org_id = t.org_id) as quotas from cowork.tenants t where t.org_id = any (${orgs})) t),
      'lanes', (select json_agg(l) from cowork.lanes l where l.lane_id = any (${lanes})),
      'work', (select json_agg(w) from w),
      'attempts', (select json_agg(a order by a.claimed_at) from (select a.* from cowork.attempts a join w using (work_id)) a),
      'workers', (select json_agg(k) from cowork.workers k where k.worker_id = any (${list(cast.workers)})),
      'events', (select json_agg(e order by e.seq) from cowork.session_events e where e.session_id = any (${lanes})),
      'parts', (select json_agg(p) from cowork.parts p where p.session_id = any (${lanes})),
      'audit', (select json_agg(a) from cowork.audit a where a.at >= to_timestamp(${cast.begunAtMs}::float8 / 1000)),
      'dead', (select json_agg(d) from cowork.dead_letters d where d.org_id = any (${orgs}) and d.resolution is null),
      'facts', (select json_agg(s.fact order by s.n) from proof.shadow s)
    ) as read`.execute(stage.owner.db);
  return toState(rows[0]!.read, cast, commands);
}

function toState(read: Read, cast: Cast, commands: readonly string[]): { state: State; history: Fact[] } {
  const at = (time: unknown) => (time === null ? 0 : Date.parse(time as string) - cast.begunAtMs);
  const place = (ids: readonly string[]) => new Map(ids.map((id, n) => [id, n]));
  const [laneAt, workerAt, orgAt] = [
    place(cast.lanes),
    place(cast.workers),
    place(cast.actors.map(({ orgId }) => orgId)),
  ];
  const [bootAt, commandAt] = [place(cast.boots.map(({ bootId }) => bootId)), place(commands)];
  const rename = renamer(cast, commands);
  const workRows = (read.work ?? []).sort(
    (a, b) => commandAt.get(a["command_id"]!)! - commandAt.get(b["command_id"]!)!,
  );
  const workAt = new Map(workRows.map((row) => [row["work_id"]! as string, commandAt.get(row["command_id"]!)!]));
  const bootOf = (id: string | null) => (id === null ? null : bootAt.get(id)!);
  const byPlace = (rows: Row[], places: Map<string, number>, key: string) =>
    [...rows].sort((a, b) => places.get(a[key]!)! - places.get(b[key]!)!);

  const state: State = {
    now: at(read.now),
    floor: read.floor,
    tenants: byPlace(read.tenants, orgAt, "org_id").map((row) => ({
      concurrent: row["quotas"]!["concurrent_sessions"],
      depth: row["quotas"]!["queue_depth"],
      weight: row["weight"]!,
      waiting: row["waiting"]!,
      promoted: row["promoted"]!,
      lastTag: row["last_tag"]!,
    })),
    lanes: byPlace(read.lanes, laneAt, "lane_id").map((row) => ({
      tenant: orgAt.get(row["org_id"]!)!,
      nextSeq: row["next_seq"]!,
      nextCommandSeq: row["next_command_seq"]!,
      nextPosition: row["next_position"]!,
      lastBoot: bootOf(row["last_boot_id"]!),
      lease:
        row["work_id"] === null
          ? null
          : {
              work: workAt.get(row["work_id"]!)!,
              attempt: row["attempt"]!,
              expiresAt: at(row["lease_expires_at"]),
              worker: workerAt.get(row["worker_id"]!)!,
              boot: bootAt.get(row["boot_id"]!)!,
              lastBatch: row["last_batch_no"]!,
            },
      events: (read.events ?? [])
        .filter((event) => event["session_id"] === row["lane_id"])
        .map(({ seq, type, payload, attempt, command_id: commandId }) =>
          rename<SessionEvent>({ seq, type, payload, attempt, commandId, at: "" } as never),
        ),
      parts: Object.fromEntries(
        (read.parts ?? [])
          .filter((part) => part["session_id"] === row["lane_id"])
          .map((part) => [
            `${part["message_id"]}/${part["part_id"]}`,
            {
              lastSeq: part["last_seq"]!,
              work: commandAt.get(part["command_id"]!)!,
              attempt: part["attempt"]!,
              body: part["body"]!,
            },
          ]),
      ),
    })),
    work: workRows.map((row) => ({
      lane: laneAt.get(row["lane_id"]!)!,
      commandSeq: row["command_seq"]!,
      position: row["position"]!,
      status: row["status"]!,
      isHead: row["is_head"]!,
      // As far as rows can tell: a pause lies between the end of an attempt and its next turn.
      paused: row["status"] === "queued" && row["attempt"]! > 0 && row["command_reason"] !== "worker_lost",
      pauseMs: 0,
      availableAt: at(row["status"] === "ready" ? row["ready_at"] : row["available_at"]),
      tag: row["tag"]!,
      preferred: bootOf(row["preferred_boot_id"]!),
      attempt: row["attempt"]!,
      strikes: row["strikes"]!,
      diedAt: row["died_at"]!,
      checkpoint: row["checkpoint_version"]!,
      stopping: row["stopping"]!,
      text: row["text"]!,
      commandStatus: row["command_status"]!,
      reason: row["command_reason"]!,
    })),
    attempts: (read.attempts ?? []).map((row) => ({
      work: workAt.get(row["work_id"]!)!,
      attempt: row["attempt"]!,
      worker: workerAt.get(row["worker_id"]!)!,
      boot: bootAt.get(row["boot_id"]!)!,
      outcome: row["outcome"]!,
      reason: row["reason"]!,
      checkpoint: row["checkpoint_version"]!,
      refused: row["refused_classes"]!,
    })),
    workers: byPlace(read.workers, workerAt, "worker_id").map((row) => row["status"]!),
    audit: (read.audit ?? []).map((row) => evidenceOf(row, workAt, workerAt, laneAt)),
    dead: (read.dead ?? []).map((row) => workAt.get(row["work_id"]!)!),
  };
  const history = (read.facts ?? []).map((fact): Fact => {
    const named: Record<string, unknown> = { ...fact };
    if ("command" in fact) named["work"] = commandAt.get(fact["command"]);
    else if ("work" in fact) named["work"] = workAt.get(fact["work"]);
    if ("worker" in fact) named["worker"] = workerAt.get(fact["worker"]);
    if ("lane" in fact) named["lane"] = laneAt.get(fact["lane"]);
    for (const key of ["at", "expiresAt"]) if (key in fact) named[key] = at(fact[key]);
    return named as Fact;
  });
  return { state, history };
}

function evidenceOf(
  row: Row,
  workAt: Map<string, number>,
  workerAt: Map<string, number>,
  laneAt: Map<string, number>,
): string {
  const [action, subject] = [row["action"]! as string, row["subject"]! as Record<string, string>];
  const attempt = `${workAt.get(subject["workId"] ?? "")}#${subject["attempt"]}`;
  if (action === "stale_owner_write_rejected") return `${action} ${attempt} ${subject["writeClass"]}`;
  if (action === "checkpoint_saved") return `${action} ${attempt} ${subject["version"]}`;
  if (action === "session_stopped") return `${action} ${laneAt.get(subject["sessionId"]!)}`;
  if (action.startsWith("dead_letter_")) return `${action} ${workAt.get(subject["workId"]!)}`;
  if (action.startsWith("worker_")) return `${action} ${workerAt.get(subject["workerId"]!)} ${subject["leasesEnded"]}`;
  if (action === "work_claimed") return `${action} ${attempt}`;
  if (action.startsWith("work_")) return `${action} ${attempt} ${subject["outcome"]}`;
  return `${action} ${row["reason"]! as string}`;
}

/** Puts the model's names in the place of ids, wherever they stand. */
function renamer(cast: Cast, commands: readonly string[]): <T>(value: T) => T {
  const names = new Map<string, string>();
  commands.forEach((id, n) => names.set(id, `command-${n}`));
  // A worker's name is its id.
  cast.workers.forEach((id, n) => names.set(id, `worker-${n}`));
  return <T>(value: T): T =>
    JSON.parse(
      JSON.stringify(value).replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => names.get(id) ?? id),
    ) as T;
}

/** What a reader of the door gets, through the product's own query. */
export async function readReader(stage: Stage, cast: Cast, commands: readonly string[], lane: number): Promise<Reader> {
  const snapshot = await readSnapshot(stage.as.web.db, cast.actors[cast.tenants[lane]!]!, cast.lanes[lane]!);
  const { transcript, through } = renamer(cast, commands)(snapshot!);
  for (const command of Object.values(transcript.commands)) command.at = "";
  return { lane, through, transcript };
}
