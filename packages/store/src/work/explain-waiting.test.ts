import { newId, type PoolId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { beat, drain, end, enrolIn, newPool, newTenant, setQuota, useProfile, workOf } from "../testing/builders.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { explainSession, explainWaiting } from "./explain-waiting.ts";
import { promoteDueWork } from "./promote-due-work.ts";
import { settleReadyWork } from "./settle-ready-work.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterEach(async () => {
  await world.advance(15_001);
  await recoverExpiredLeases(world.as.scheduler.db, 100);
  await setQuota(world, world.actor, "concurrent_sessions", 50);
  await useProfile(world, world.actor, {});
  await promoteDueWork(world.as.scheduler.db, 100);
  await settleReadyWork(world.as.scheduler.db, 100);
  await beat(world, worker, { capabilities: ["gpu"] });
  await drain(world, worker, 10);
});
afterAll(() => world.drop());

const explain = async (sessionId: Parameters<typeof workOf>[1], nth = 0) =>
  explainWaiting(world.as.web.db, world.actor, (await workOf(world, sessionId))[nth]!.work_id);
const tick = () => promoteDueWork(world.as.scheduler.db, 10);

describe("why a piece of work is not running", () => {
  it("says running while its owner renews, and that the owner is silent once half a lease has passed", async () => {
    const session = await world.wish();
    const { lease } = await world.claimOne(worker);
    await world.advance(7_000);
    expect(await explain(session)).toMatchObject({ reason: "running", details: { attempt: 1 } });
    await world.advance(1_000);
    expect(await explain(session)).toMatchObject({ reason: "owner_silent", details: { attempt: 1 } });
    await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 });
    expect(await explain(session)).toMatchObject({ reason: "running" });
  });

  it("is asked of a session as of what it would do next, by its own organisation", async () => {
    const session = await world.wish();
    await world.enqueue(session, "second");
    const ofSession = (actor = world.actor) => explainSession(world.as.web.db, actor, session);
    expect(await ofSession()).toEqual(await explain(session));
    expect(await explain(session, 1)).toMatchObject({ reason: "behind_in_its_session" });
    expect(await ofSession(await newTenant(world, "onlooker"))).toBeNull();
    await drain(world, worker, 10);
    expect(await ofSession()).toBeNull();
  });

  it("is nobody else's business: another organisation and an unknown id get nothing", async () => {
    const stranger = await newTenant(world, "stranger");
    const session = await world.wish();
    const [work] = await workOf(world, session);
    expect(await explainWaiting(world.as.web.db, stranger, work!.work_id)).toBeNull();
    expect(await explainWaiting(world.as.web.db, world.actor, newId())).toBeNull();
  });

  it("over: it has ended, and how", async () => {
    const session = await world.wish();
    await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason: "provider_error" });
    expect(await explain(session)).toEqual({
      reason: "over",
      details: { status: "failed", reason: "provider_error" },
    });
  });

  it("says capacity_unavailable while every worker that could take it is short of memory", async () => {
    const session = await world.wish();
    const load = { lanes: 4, busy: 1 };
    await beat(world, worker, { load: { ...load, shortOf: "memory" } });
    expect(await explain(session)).toMatchObject({ reason: "capacity_unavailable", details: { shortOf: "memory" } });
    await beat(world, worker, { load });
    expect(await explain(session)).toMatchObject({ reason: "waits_for_a_free_lane" });
    await end(world, (await world.claimOne(worker)).lease);
  });

  it("does not say no_worker of one that was enrolled just now and may claim without having reported", async () => {
    const poolId = await newPool(world, "fresh");
    const before = await sql<{ pool_id: PoolId }>`
      select pool_id from cowork.workers where worker_id = ${worker.workerId}`.execute(world.owner.db);
    await useProfile(world, world.actor, { poolId });
    const session = await world.wish();
    expect(await explain(session)).toMatchObject({ reason: "no_worker" });
    const fresh = await enrolIn(world, poolId, "fresh");
    expect(await explain(session)).toMatchObject({ reason: "waits_for_a_free_lane" });
    await world.advance(30_001);
    expect(await explain(session)).toMatchObject({ reason: "no_worker" });
    await sql`update cowork.workers set status_changed_at = cowork.now() where worker_id = ${fresh.workerId}`.execute(
      world.owner.db,
    );
    await end(world, (await world.claimOne(fresh)).lease);
    await useProfile(world, world.actor, { poolId: before.rows[0]!.pool_id });
  });

  it("running: it is; and what is behind it in its session says so, until it is first", async () => {
    await beat(world, worker);
    const session = await world.wish();
    await world.enqueue(session, "behind");
    const { lease } = await world.claimOne(worker);
    expect(await explain(session)).toMatchObject({ reason: "running", details: { attempt: 1 } });
    expect(await explain(session, 1)).toMatchObject({
      reason: "behind_in_its_session",
      details: { workId: lease.workId, status: "leased" },
    });
    await end(world, lease);
    expect(await explain(session, 1)).toMatchObject({ reason: "waits_for_a_free_lane" });
  });

  it("not_due: a retry waits for its pause, and the tick does not promote it before", async () => {
    const session = await world.wish();
    await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason: "runtime_lost" });
    expect(await explain(session)).toMatchObject({ reason: "not_due", details: { lastFailure: "runtime_lost" } });
    expect(await tick()).toMatchObject({ promoted: 0 });
    await world.advance(1_201);
    await beat(world, worker);
    expect(await explain(session)).toEqual({ reason: "about_to_be_promoted", details: {} });
    expect(await tick()).toMatchObject({ promoted: 1 });
  });

  it("over_quota: its organisation has no room, and the tick promotes it only when there is", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    const running = await world.wish();
    const session = await world.wish();
    expect(await explain(session)).toEqual({
      reason: "over_quota",
      details: { quota: "concurrent_sessions", most: 1, used: 1 },
    });
    expect(await tick()).toMatchObject({ promoted: 0 });
    await end(world, (await world.claimOne(worker)).lease);
    expect(await explain(running)).toMatchObject({ reason: "over" });
    expect(await explain(session)).not.toMatchObject({ reason: "over_quota" });
  });

  it("no_worker: none that is active, alive, not draining and able serves it, and a claim gets nothing either", async () => {
    await useProfile(world, world.actor, { capabilities: ["gpu"] });
    const session = await world.wish();
    await beat(world, worker, { capabilities: [] });
    expect(await explain(session)).toMatchObject({ reason: "no_worker", details: { capabilities: ["gpu"] } });
    expect(await world.claimAll(worker)).toEqual([]);
    await beat(world, worker, { capabilities: ["gpu"], draining: true });
    expect(await explain(session)).toMatchObject({ reason: "no_worker" });
    await beat(world, worker, { capabilities: ["gpu", "mcp"] });
    expect(await explain(session)).toMatchObject({ reason: "waits_for_a_free_lane" });
    await world.advance(30_001);
    expect(await explain(session)).toMatchObject({ reason: "no_worker" });
    await beat(world, worker, { capabilities: ["gpu"] });
    expect(await world.claimAll(worker)).toHaveLength(1);
  });

  it("waits_for_a_free_lane: it could be claimed now, and how many stand before it", async () => {
    await beat(world, worker);
    const sessions = [await world.wish("a"), await world.wish("b"), await world.wish("c")];
    expect(await explain(sessions[2]!)).toMatchObject({ reason: "waits_for_a_free_lane", details: { ahead: 2 } });
    expect((await world.claimAll(worker, 3)).map((claimed) => claimed.text)).toEqual(["a", "b", "c"]);
  });

  it("waits_for_person: it is parked", async () => {
    const session = await world.wish();
    await world.claimOne(worker);
    const parked = sql`update cowork.work set status = 'parked', leased_by = null where session_id = ${session}`;
    await parked.execute(world.owner.db);
    expect(await explain(session)).toEqual({ reason: "waits_for_person", details: {} });
    await sql`update cowork.work w set status = 'queued' where session_id = ${session}`.execute(world.owner.db);
    await sql`update cowork.lanes set work_id = null, command_id = null, attempt = null, token_hash = null, lease_expires_at = null,
      worker_id = null, boot_id = null, last_batch_no = null where session_id = ${session}`.execute(world.owner.db);
    await sql`update cowork.commands set status = 'waiting' where session_id = ${session}`.execute(world.owner.db);
    await sql`update cowork.tenants set waiting = waiting + 1, promoted = promoted - 1 where org_id = ${world.actor.orgId}`.execute(
      world.owner.db,
    );
  });
});
