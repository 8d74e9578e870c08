import { createHash } from "node:crypto";
import { newId, type DecisionId, type SessionId, type WorkId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import type { Actor } from "../database/in-org.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { newTenant } from "../testing/builders.ts";
import { openSession } from "../testing/open-session.ts";
import type { TestWorker, World } from "../testing/world.ts";
import { claimWork } from "../worker-api/claim-work.ts";
import { heartbeat } from "../worker-api/heartbeat.ts";
import type { Lease } from "../worker-api/lease.ts";

/** Sessions by name, each in the state in which most verbs meet. See `buildScene` for what each is. */
export type SessionName = "a" | "b" | "c" | "d" | "e" | "x" | "r" | "p" | "q" | "i" | "y";
export type WorkerName = "steady" | "away" | "other";

export interface Scene {
  world: World;
  one: Actor;
  two: Actor;
  workers: Record<WorkerName, TestWorker>;
  sessions: Record<SessionName, SessionId>;
  /** Live leases of the steady worker. */
  leases: Record<"a" | "b" | "c" | "d", Lease>;
  /** Earlier leases of the same work: the fence knows them, no lane does. */
  stale: Record<"a" | "d", Lease>;
  deadWork: WorkId;
  /** Asks of running attempts: d's waits for days, the time of a's is up. */
  asks: Record<"a" | "d", DecisionId>;
}

const ttlMs = 60_000;

/**
 * Two organisations that share a pool, both at their limit of promoted work, so that whoever gives room back must pass it
 * on. Made by the verbs themselves.
 *   a, d (one), b, c (two)   leased to one worker; lanes in the order a < b < c < d, so that batches cross organisations
 *   a, b                     and a second prompt waits behind
 *   a, d                     and the agent has asked something
 *   e                        leased to another worker, expired
 *   x                        a dead letter
 *   r                        ready; p: ready, of a lower class for minutes, and kept for the worker that is away
 *   q (one)                  due, waiting for room
 *   y (two)                  due by the passing of time, with room: the tick's to find
 *   i                        idle
 */
export async function buildScene(world: World): Promise<Scene> {
  const owner = world.owner.db;
  const one = world.actor;
  const two = await newTenant(world, "second");
  const workers = {
    steady: await world.enrol("steady"),
    away: await world.enrol("away"),
    other: await world.enrol("other"),
  };
  for (const worker of Object.values(workers)) await heartbeat(world.as.worker.db, heartbeatOf(worker, 1));

  const sessions = {} as Record<SessionName, SessionId>;
  const open = async (name: SessionName, actor: Actor, prompted = true) => {
    const made = await openSession(world.as.web.db, actor, { title: name, prompt: prompted ? `${name}1` : undefined });
    sessions[name] = made.sessionId;
  };
  const claimAll = async (worker: TestWorker) => {
    const claimed = await claimWork(world.as.worker.db, world.request(worker, { limit: 10, ttlMs }));
    if (!claimed.ok) throw new Error(claimed.reason);
    return new Map(claimed.value.map((each) => [each.lease.sessionId, each.lease]));
  };
  const expire = (...names: SessionName[]) =>
    sql`update cowork.lanes set lease_expires_at = cowork.now() - interval '1 second'
      where lane_id = any(${`{${names.map((name) => sessions[name]).join(",")}}`}::uuid[])`.execute(owner);

  for (const [name, actor] of [
    ["a", one],
    ["b", two],
    ["c", two],
    ["d", one],
  ] as const)
    await open(name, actor);
  const first = await claimAll(workers.steady);
  await expire("a", "d");
  await recoverExpiredLeases(world.as.scheduler.db, 10);
  const second = await claimAll(workers.steady);
  await world.enqueue(sessions.a, "a2");
  await enqueuePrompt(world.as.web.db, two, sessions.b, { text: "b2", traceparent: null });

  await open("e", one);
  await open("x", one);
  await sql`update cowork.work set strikes = 4 where session_id = ${sessions.x}`.execute(owner);
  await claimAll(workers.other);
  await expire("x");
  await recoverExpiredLeases(world.as.scheduler.db, 10);
  await expire("e");

  await open("r", one);
  await open("p", one);
  await sql`update cowork.work set class = 1, preferred_boot_id = ${workers.away.bootId}, ready_at = cowork.now() - interval '2 minutes'
    where session_id = ${sessions.p}`.execute(owner);
  await sql`insert into cowork.quotas (org_id, quota, most)
    select org_id, 'concurrent_sessions', promoted from cowork.tenants`.execute(owner);
  await open("q", one);
  await open("y", two);
  await sql`update cowork.quotas set most = most + 1 where org_id = ${two.orgId}`.execute(owner);
  await sql`update cowork.work set available_at = cowork.now() - interval '1 hour' where session_id = ${sessions.y}`.execute(
    owner,
  );
  await open("i", one, false);
  await sql`update cowork.workers set status = 'unhealthy' where worker_id = ${workers.away.workerId}`.execute(owner);
  // Longer than any suite runs: a lease that ran out between two schedules would make them differ.
  await sql`update cowork.lanes set lease_expires_at = cowork.now() + interval '1 day'
    where lease_expires_at > cowork.now()`.execute(owner);
  // Warm for ever, so that preferences don't depend on how long the suite has run.
  await sql`update cowork.worker_incarnations set last_seen_at = 'infinity'`.execute(owner);
  // All but one, which has not been heard of.
  await sql`update cowork.worker_incarnations set last_seen_at = '-infinity' where boot_id = ${workers.other.bootId}`.execute(
    owner,
  );
  await sql`update cowork.workers set status_changed_at = '-infinity'`.execute(owner);
  await sql`insert into cowork.sealed_secrets (org_id, secret_id, provider, version, key_id, sealed)
    values (${one.orgId}, ${newId()}, 'default', 1, 'key', '\\x00')`.execute(owner);
  const asks = { a: newId<"decision">(), d: newId<"decision">() };
  for (const [name, askedAt, days] of [
    ["a", "-1 day", 0.5],
    ["d", "0 days", 6],
  ] as const)
    await sql`insert into cowork.decisions (org_id, decision_id, session_id, work_id, attempt, command_id, kind, request, request_hash,
        asked_at, expires_at)
      select org_id, ${asks[name]}, session_id, work_id, attempt, command_id, 'approval', '{"permission": "bash"}', ${sha256(name)},
          cowork.now() + ${askedAt}::interval, cowork.now() + ${askedAt}::interval + ${days} * interval '1 day'
        from cowork.lanes where session_id = ${sessions[name]}`.execute(owner);
  const dead = await sql<{ work_id: WorkId }>`select work_id from cowork.work where status = 'dead'`.execute(owner);

  const lease = (of: Map<SessionId, Lease>, name: SessionName) => of.get(sessions[name])!;
  return {
    world,
    one,
    two,
    workers,
    sessions,
    leases: { a: lease(second, "a"), b: lease(first, "b"), c: lease(first, "c"), d: lease(second, "d") },
    stale: { a: lease(first, "a"), d: lease(first, "d") },
    deadWork: dead.rows[0]!.work_id,
    asks,
  };
}

export function heartbeatOf(worker: TestWorker, seq: number): Parameters<typeof heartbeat>[1] {
  const body = { bootId: worker.bootId, seq, draining: false, capabilities: [] };
  return { workerId: worker.workerId, credential: worker.credential, body: body as never };
}

/** One text, one hash: what verbs need where the content does not matter. */
export function sha256(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
