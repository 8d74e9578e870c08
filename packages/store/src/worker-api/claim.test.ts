import { newId } from "@open-cowork/contracts/ids";
import { workerLifecycle, workerStatuses } from "@open-cowork/contracts/lifecycles";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { beat, drain, end, enrolIn, newPool, useProfile } from "../testing/builders.ts";
import { moveWorker } from "../workers/move-worker.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import { claimWork } from "./claim-work.ts";

let world: World;
let worker: TestWorker;
let janitor: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  janitor = await world.enrol("janitor");
});
beforeEach(async () => {
  worker = await world.enrol(`worker-${newId()}`);
});
afterEach(async () => {
  await world.advance(15_001);
  await recoverExpiredLeases(world.as.scheduler.db, 100);
  await settleReadyWork(world.as.scheduler.db, 100);
  await drain(world, janitor, 20);
});
afterAll(() => world.drop());

const claim = (change: Parameters<World["request"]>[1] = {}) =>
  claimWork(world.as.worker.db, world.request(worker, change));

describe("what a worker may claim", () => {
  it("is work of its own pool only", async () => {
    const poolId = await newPool(world, `pool-${newId()}`);
    const inside = await enrolIn(world, poolId, "inside");
    const pools = await sql<{
      pool_id: string;
    }>`select pool_id from cowork.worker_pools where name = 'default'`.execute(world.owner.db);
    await useProfile(world, world.actor, { poolId });
    await world.wish("for the other pool");
    expect(await claim()).toEqual({ ok: true, value: [] });
    expect((await world.claimAll(inside)).map((claimed) => claimed.text)).toEqual(["for the other pool"]);
    await useProfile(world, world.actor, { poolId: pools.rows[0]!.pool_id as never });
  });

  it("is work whose capabilities its process reports, all of them, by its newest heartbeat", async () => {
    await useProfile(world, world.actor, { capabilities: ["gpu", "mcp"] });
    await world.wish("special");
    await useProfile(world, world.actor, {});
    expect(await claim()).toEqual({ ok: true, value: [] });
    await beat(world, worker, { capabilities: ["gpu"] });
    expect(await claim()).toEqual({ ok: true, value: [] });
    await beat(world, worker, { capabilities: ["mcp", "gpu", "more"] });
    await beat(world, { ...worker, bootId: newId() }, { capabilities: [] });
    expect(await claim({ bootId: newId() })).toEqual({ ok: true, value: [] });
    expect(await claim()).toMatchObject({ ok: true, value: [{ text: "special" }] });
  });

  it("is nothing while its process drains; another process of the same worker goes on", async () => {
    await world.wish();
    await beat(world, worker, { draining: true });
    expect(await claim()).toEqual({ ok: false, reason: "worker_not_active" });
    expect(await claim({ bootId: newId() })).toMatchObject({ ok: true, value: [{}] });
  });

  it.each(workerStatuses.filter((status) => !workerLifecycle[status].claims))(
    "is nothing while it is %s",
    async (status) => {
      await world.wish();
      await sql`alter table cowork.workers disable trigger guard_move`.execute(world.owner.db);
      await sql`update cowork.workers set status = ${status} where worker_id = ${worker.workerId}`.execute(
        world.owner.db,
      );
      await sql`alter table cowork.workers enable trigger guard_move`.execute(world.owner.db);
      expect(await claim()).toEqual({ ok: false, reason: "worker_not_active" });
    },
  );

  it("is nothing with a credential that is unknown, empty, missing, expired or revoked", async () => {
    await world.wish();
    const invalid = { ok: false, reason: "credential_invalid" };
    expect(await claim({ credential: "cww_unknown" })).toEqual(invalid);
    expect(await claim({ credential: "" })).toEqual(invalid);
    expect(await claim({ credential: null as never })).toEqual(invalid);
    expect(await claim({ credential: "' or true --" })).toEqual(invalid);
    await sql`update cowork.worker_credentials set revoked_at = cowork.now() where worker_id = ${worker.workerId}`.execute(
      world.owner.db,
    );
    expect(await claim()).toEqual(invalid);
    await sql`update cowork.worker_credentials set revoked_at = null, expires_at = cowork.now() where worker_id = ${worker.workerId}`.execute(
      world.owner.db,
    );
    expect(await claim()).toEqual(invalid);
  });

  it("is not more than it asks for, nor than a hundred at once, and nothing for zero or less", async () => {
    for (let n = 0; n < 3; n += 1) await world.wish();
    expect(await claim({ limit: 0 })).toEqual({ ok: true, value: [] });
    expect(await claim({ limit: -5 })).toEqual({ ok: true, value: [] });
    expect(await claim({ limit: 2 })).toMatchObject({ ok: true, value: [{}, {}] });
    expect(await claim({ limit: 2_000_000_000 })).toMatchObject({ ok: true, value: [{}] });
  });
});

describe("a claim that is malformed", () => {
  it.each([
    ["no process", { bootId: null as never }],
    ["no secret", { requestSecret: null as never }],
    ["a secret too short to be one", { requestSecret: "short" }],
    ["no limit", { limit: null as never }],
    ["no time to live", { ttlMs: null as never }],
    ["a time to live below a second", { ttlMs: 999 }],
    ["a time to live above a minute", { ttlMs: 60_001 }],
  ])("with %s is an error and gives nothing", async (_, change) => {
    await world.wish();
    await expect(claim(change)).rejects.toMatchObject({ code: "22023" });
    expect(await claim()).toMatchObject({ ok: true, value: [{}] });
  });

  it("takes the bounds themselves", async () => {
    expect(await claim({ ttlMs: 1_000 })).toMatchObject({ ok: true });
    expect(await claim({ ttlMs: 60_000 })).toMatchObject({ ok: true });
  });
});

describe("a claim that is repeated", () => {
  it("gives what is still held, and leaves out what was finished meanwhile", async () => {
    await world.wish("kept");
    await world.wish("finished");
    const request = world.request(worker, { limit: 2 });
    const first = await claimWork(world.as.worker.db, request);
    if (!first.ok) throw new Error(first.reason);
    await end(world, first.value.find((claimed) => claimed.text === "finished")!.lease);
    const again = await claimWork(world.as.worker.db, request);
    expect(again).toMatchObject({ ok: true, value: [{ text: "kept" }] });
  });

  it("gives what it gave also when the worker may claim no more", async () => {
    await world.wish("given");
    const request = world.request(worker);
    const first = await claimWork(world.as.worker.db, request);
    if (!first.ok) throw new Error(first.reason);
    await moveWorker(world.as.web.db, world.actor.userId, worker.workerId, "draining");
    expect(await claimWork(world.as.worker.db, request)).toEqual(first);
    expect(await claimWork(world.as.worker.db, world.request(worker))).toEqual({
      ok: false,
      reason: "worker_not_active",
    });
  });

  it("gives another process or another worker nothing of it, though it knows the secret", async () => {
    await world.wish();
    const request = world.request(worker);
    expect(await claimWork(world.as.worker.db, request)).toMatchObject({ ok: true, value: [{}] });
    expect(await claimWork(world.as.worker.db, { ...request, bootId: newId() })).toEqual({ ok: true, value: [] });
    const thief = { ...request, credential: janitor.credential };
    expect(await claimWork(world.as.worker.db, thief)).toEqual({ ok: true, value: [] });
  });
});
