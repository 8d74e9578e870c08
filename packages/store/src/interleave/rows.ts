import { sha256, type Scene, type SessionName, type WorkerName } from "./scene.ts";

/** Rows that verbs lock, by the names of the scene: where a verb can be stopped in the middle. */
export type Row =
  | `lane ${SessionName}`
  | `work ${SessionName}`
  | `session ${SessionName}`
  | `tenant ${"one" | "two"}`
  | `worker ${WorkerName}`
  | `process ${WorkerName}`
  | `attempt ${"stale a" | "stale d"}`
  | "route"
  | "route tags"
  | "dead letter"
  | `pack ${"one" | "two"}`;

const sessionNames: readonly SessionName[] = ["a", "b", "c", "d", "e", "x", "r", "p", "q", "i", "y"];
const workerNames: readonly WorkerName[] = ["steady", "away", "other"];

export const rows: readonly Row[] = [
  ...sessionNames.flatMap((name): Row[] => [`lane ${name}`, `work ${name}`, `session ${name}`]),
  ...workerNames.flatMap((name): Row[] => [`worker ${name}`, `process ${name}`]),
  "tenant one",
  "tenant two",
  "attempt stale a",
  "attempt stale d",
  "route",
  "route tags",
  "dead letter",
  "pack one",
  "pack two",
];

/** The statement that takes one of them, as the verbs themselves do. */
export function hold(row: Row, scene: Scene): string {
  const [kind, ...rest] = row.split(" ");
  const name = rest.join(" ");
  const session = `'${scene.sessions[name as SessionName]}'`;
  const worker = scene.workers[name as WorkerName];
  const lock = "for no key update";
  switch (kind) {
    case "lane":
      return `select from cowork.lanes where lane_id = ${session} ${lock}`;
    case "work":
      return `select from cowork.work where session_id = ${session} ${lock}`;
    case "session":
      return `select from cowork.sessions where session_id = ${session} ${lock}`;
    case "tenant":
      return `select from cowork.tenants where org_id = '${(name === "one" ? scene.one : scene.two).orgId}' ${lock}`;
    case "worker":
      return `select from cowork.workers where worker_id = '${worker.workerId}' ${lock}`;
    case "process":
      return `select from cowork.worker_incarnations where boot_id = '${worker.bootId}' ${lock}`;
    case "attempt":
      return `select from cowork.attempts a join cowork.work w using (work_id)
        where w.session_id = '${scene.sessions[name.at(-1) as SessionName]}' and a.attempt = 1 for no key update of a`;
    case "pack":
      // Somebody is about to add the same one, unless it is there already.
      return `insert into cowork.packs (org_id, sha256, object_key, size_bytes)
        values ('${scene.one.orgId}', '${sha256(name)}', '${name}', 1) on conflict do nothing`;
    case "dead":
      return `select from cowork.dead_letters ${lock}`;
    default:
      // What promotions share and whoever raises the floors takes alone; see internal/promote-lane.sql.
      return row === "route"
        ? `select from cowork.routes ${lock}`
        : "select pg_advisory_xact_lock(7482102, route_id) from cowork.routes";
  }
}
