import { sql } from "kysely";
import { openDatabase, type Db } from "../database/open.ts";
import { createWorld } from "../testing/world.ts";
import { buildScene, type Scene } from "./scene.ts";

/** What verbs write, parents first; all of it is put back before each schedule. */
const kept = [
  "workers",
  "worker_credentials",
  "worker_incarnations",
  "sessions",
  "lanes",
  "commands",
  "work",
  "attempts",
  "session_events",
  "parts",
  "decisions",
  "signals",
  "dead_letters",
] as const;
/** What verbs only add to, empty at the start of each schedule. */
const emptied = [
  "audit",
  "feed",
  "usage",
  "artifacts",
  "checkpoint_packs",
  "checkpoints",
  "packs",
  "worker_heartbeats",
];

/**
 * Calls that give up a lock after a while, or end whoever holds it, would do so only because a busy machine stopped the
 * others for long: here they wait for as long as anybody does. What they do when it is too long has tests of its own.
 */
const patient = `do $$
declare
  v_function regprocedure;
begin
  for v_function in select p.oid from pg_proc p where array_to_string(p.proconfig, ',') like '%lock_timeout=%' loop
    execute format('alter function %s set lock_timeout = ''10s''', v_function);
  end loop;
end $$`;

/** A scene that can be set again within milliseconds, to the byte: the same ids, tokens and instants. */
export interface Stage {
  scene: Scene;
  restore(): Promise<void>;
  /** The owner's, for whoever looks at what a schedule left. */
  desk: Db;
  close(): Promise<void>;
}

export async function openStage(): Promise<Stage> {
  const world = await createWorld();
  const scene = await buildScene(world);
  const run = (lines: readonly string[]) => sql.raw(lines.join(";\n")).execute(world.owner.db);
  const restore = [
    ...emptied.map((table) => `delete from cowork.${table}`),
    ...kept.toReversed().map((table) => `delete from cowork.${table}`),
    ...kept.map((table) => `insert into cowork.${table} table stage.${table}`),
    `update cowork.tenants t set waiting = s.waiting, promoted = s.promoted, last_tag = s.last_tag from stage.tenants s
      where s.org_id = t.org_id`,
    "update cowork.routes r set floor = s.floor from stage.routes s where s.route_id = r.route_id",
  ];
  await run([
    patient,
    "create schema stage",
    ...[...kept, "tenants", "routes"].map((table) => `create table stage.${table} as table cowork.${table}`),
    // A function, because its plans are kept.
    `create function stage.restore() returns void language plpgsql as $$ begin ${restore.join(";\n")}; end $$`,
  ]);
  const desk = openDatabase({
    url: world.ownerUrl,
    applicationName: "stage",
    deadlineMs: 10_000,
    connections: 1,
    transactionPooler: false,
  });
  return {
    scene,
    desk: desk.db,
    restore: async () => void (await sql`select stage.restore()`.execute(desk.db)),
    close: async () => {
      await desk.close();
      await world.drop();
    },
  };
}
