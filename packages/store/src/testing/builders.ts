import { createHash, randomBytes } from "node:crypto";
import type { WorkerHeartbeat } from "@open-cowork/contracts/http";
import { newId, type PoolId, type SessionId, type WorkId } from "@open-cowork/contracts/ids";
import type { Quota } from "@open-cowork/contracts/quotas";
import { eventually } from "@open-cowork/testkit/eventually";
import { sql } from "kysely";
import type { Actor, Tx } from "../database/in-org.ts";
import { finishWork, type Ending } from "../worker-api/finish-work.ts";
import { heartbeat } from "../worker-api/heartbeat.ts";
import type { Claimed, Lease } from "../worker-api/lease.ts";
import { ensureWorker } from "../workers/ensure-worker.ts";
import { openSession } from "./open-session.ts";
import type { TestWorker, World } from "./world.ts";

/** Another organisation of the same plane, served by the same shared pool. */
export async function newTenant(world: World, name: string, weight = 1): Promise<Actor> {
  const actor: Actor = { orgId: newId(), userId: newId() };
  await sql`
    with org as (insert into cowork.orgs (org_id, name) values (${actor.orgId}, ${name})),
      tenant as (insert into cowork.tenants (org_id, weight) values (${actor.orgId}, ${weight}::float8)),
      person as (insert into cowork.users (user_id, email, display_name) values (${actor.userId}, ${`${name}@example.org`}, ${name})),
      member as (insert into cowork.memberships (org_id, user_id, role) values (${actor.orgId}, ${actor.userId}, 'owner'))
    insert into cowork.profiles (org_id, profile_id, name, pool_id)
      select ${actor.orgId}, ${newId()}, 'default', pool_id from cowork.worker_pools where org_id is null order by created_at limit 1`.execute(
    world.owner.db,
  );
  return actor;
}

/** Another member of an organisation. */
export async function newPerson(
  world: World,
  { orgId }: Actor,
  role: "owner" | "admin" | "member" | "viewer",
): Promise<Actor> {
  const userId = newId<"user">();
  await sql`
    with person as (insert into cowork.users (user_id, email, display_name) values (${userId}, ${`${userId}@example.org`}, ${role}))
    insert into cowork.memberships (org_id, user_id, role) values (${orgId}, ${userId}, ${role})`.execute(
    world.owner.db,
  );
  return { orgId, userId };
}

/** A session of whoever asks, with one waiting prompt. */
export async function wishOf(world: World, actor: Actor, text = "Say hello"): Promise<SessionId> {
  return (await openSession(world.as.web.db, actor, { prompt: text })).sessionId;
}

/** The profile that new sessions of an organisation get from now on. */
export async function useProfile(
  world: World,
  actor: Actor,
  change: { poolId?: PoolId; capabilities?: string[] },
): Promise<void> {
  await sql`insert into cowork.profiles (org_id, profile_id, name, version, pool_id, capabilities)
    select org_id, ${newId()}, name, version + 1, coalesce(${change.poolId ?? null}::uuid, pool_id),
      string_to_array(${(change.capabilities ?? []).join(",")}, ',')
    from cowork.profiles where org_id = ${actor.orgId} and name = 'default' order by version desc limit 1`.execute(
    world.owner.db,
  );
}

/** Another profile that sessions can choose. */
export async function addProfile(world: World, actor: Actor, name: string, policy: unknown): Promise<void> {
  await sql`insert into cowork.profiles (org_id, profile_id, name, pool_id, policy)
    select org_id, ${newId()}, ${name}, pool_id, ${policy}::jsonb from cowork.profiles
      where org_id = ${actor.orgId} and name = 'default' limit 1`.execute(world.owner.db);
}

export async function newPool(world: World, name: string): Promise<PoolId> {
  const poolId = newId<"pool">();
  await sql`insert into cowork.worker_pools (pool_id, name) values (${poolId}, ${name})`.execute(world.owner.db);
  return poolId;
}

export async function enrolIn(world: World, poolId: PoolId, name: string): Promise<TestWorker> {
  const credential = `cww_${randomBytes(32).toString("base64url")}`;
  const credentialHash = createHash("sha256").update(credential).digest("hex");
  const workerId = await ensureWorker(world.owner.db, { poolId, name, credentialHash, validDays: 1 });
  return { workerId, credential, bootId: newId() };
}

export async function setQuota(world: World, actor: Actor, quota: Quota, most: number): Promise<void> {
  await sql`insert into cowork.quotas (org_id, quota, most) values (${actor.orgId}, ${quota}, ${most})
    on conflict (org_id, quota) do update set most = excluded.most`.execute(world.owner.db);
}

let beats = 0;
function report(worker: TestWorker, change: Partial<WorkerHeartbeat> = {}): WorkerHeartbeat {
  beats += 1;
  return {
    bootId: worker.bootId,
    seq: beats,
    versions: {},
    capabilities: [],
    load: { lanes: 1, busy: 0 },
    activeWorkIds: [],
    draining: false,
    lastError: null,
    ...change,
  };
}

export function beat(world: World, worker: TestWorker, change: Partial<WorkerHeartbeat> = {}) {
  const { workerId, credential } = worker;
  return heartbeat(world.as.worker.db, { workerId, credential, body: report(worker, change) });
}

export function end(
  world: World,
  lease: Lease,
  outcome: Ending["outcome"] = { kind: "succeeded" },
  batchNo = 1,
): ReturnType<typeof finishWork> {
  return finishWork(world.as.worker.db, { lease, batchNo, events: [], outcome });
}

/** Claims and finishes until nothing is left; returns what was claimed, in its order. */
export async function drain(world: World, worker: TestWorker, limit = 1): Promise<Claimed[]> {
  const all: Claimed[] = [];
  for (;;) {
    const claims = await world.claimAll(worker, limit);
    if (claims.length === 0) return all;
    for (const claimed of claims) await end(world, claimed.lease);
    all.push(...claims);
  }
}

export interface WorkRow {
  work_id: WorkId;
  session_id: SessionId;
  status: string;
  reason: string | null;
  attempt: number;
  strikes: number;
  pause_ms: number;
  is_head: boolean;
}

/** The work of a session, in the order of its lane. */
export async function workOf(world: World, sessionId: SessionId): Promise<WorkRow[]> {
  const { rows } = await sql<WorkRow>`
    select work_id, session_id, status, reason, attempt, strikes, is_head,
      (extract(epoch from available_at - cowork.now()) * 1000)::float8 as pause_ms
    from cowork.work where session_id = ${sessionId} order by position`.execute(world.owner.db);
  return rows;
}

/** Organisations whose counters differ from a recount of their work. */
export async function miscounted(world: World): Promise<unknown[]> {
  const { rows } = await sql`
    select t.org_id, t.waiting, t.promoted, w.waiting as counted_waiting, w.promoted as counted_promoted
      from cowork.tenants t cross join lateral (
        select count(*) filter (where w.status = 'queued') as waiting,
          count(*) filter (where w.status in ('ready', 'leased', 'parked')) as promoted
        from cowork.work w where w.org_id = t.org_id) w
      where (t.waiting, t.promoted) <> (w.waiting, w.promoted)`.execute(world.owner.db);
  return rows;
}

/** Waits until as many connections of this world wait for a lock that somebody holds. */
export async function locked(world: World, waiting: number): Promise<void> {
  await eventually(`${waiting} connections wait for a lock`, async () => {
    const { rows } = await sql`select from pg_locks l join pg_stat_activity a using (pid)
      where not l.granted and a.datname = current_database()`.execute(world.owner.db);
    return rows.length >= waiting;
  });
}

/** For the end of each test: whatever it did, the counters must fit. */
export async function mustBeCounted(world: World): Promise<void> {
  const wrong = await miscounted(world);
  if (wrong.length > 0) throw new Error(`counters differ from a recount: ${JSON.stringify(wrong)}`);
}

/** Does something as the owner, keeps what came of it, and undoes the rest. */
export async function undone<T>(world: Pick<World, "owner">, work: (tx: Tx) => Promise<T>): Promise<T> {
  const done: T[] = [];
  const undo = new Error("undone");
  await world.owner.db
    .transaction()
    .execute(async (tx) => {
      done.push(await work(tx));
      throw undo;
    })
    .catch((error: unknown) => {
      if (error !== undo) throw error;
    });
  return done[0]!;
}

/** A generator with a seed (mulberry32): a random test prints its seed, and SEED runs it again. */
export function seeded(what: string): { below(n: number): number; pick<T>(choices: readonly T[]): T } {
  const seed = Number(process.env["SEED"] ?? randomBytes(4).readUInt32LE());
  process.stdout.write(`${what}: SEED=${seed}\n`);
  let state = seed >>> 0;
  const next = () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
  return {
    below: (n) => Math.floor(next() * n),
    pick: (choices) => choices[Math.floor(next() * choices.length)]!,
  };
}
