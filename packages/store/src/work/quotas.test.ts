import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import { stopSession } from "../commands/stop-session.ts";
import { retryDeadLetter } from "../dead-letters/resolve-dead-letter.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { drain, end, locked, miscounted, newTenant, seeded, setQuota, wishOf, workOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { promoteDueWork } from "./promote-due-work.ts";
import { settleReadyWork } from "./settle-ready-work.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterEach(async () => {
  await setQuota(world, world.actor, "concurrent_sessions", 50);
  await setQuota(world, world.actor, "queue_depth", 1_000);
  await promoteDueWork(world.as.scheduler.db, 1_000);
  await drain(world, worker, 20);
});
afterAll(() => world.drop());

const tick = () => promoteDueWork(world.as.scheduler.db, 100);
const statusesOf = async (sessions: Array<Awaited<ReturnType<World["wish"]>>>) =>
  Promise.all(sessions.map(async (session) => (await workOf(world, session))[0]!.status));

describe("an organisation with more work than room", () => {
  it("keeps what is over its quota queued, and each end of work promotes the head that has waited longest", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 2);
    const sessions = [];
    for (let n = 0; n < 5; n += 1) sessions.push(await world.wish(`${n}`));
    expect(await statusesOf(sessions)).toEqual(["ready", "ready", "queued", "queued", "queued"]);
    expect(await tick()).toEqual({ promoted: 0, missed: 0 });

    const [first, second] = await world.claimAll(worker, 5);
    expect([first!.text, second!.text]).toEqual(["0", "1"]);
    await end(world, second!.lease);
    expect(await statusesOf(sessions)).toEqual(["leased", "succeeded", "ready", "queued", "queued"]);
    await end(world, first!.lease, { kind: "failed", reason: "runtime_error" });
    expect(await statusesOf(sessions)).toEqual(["failed", "succeeded", "ready", "ready", "queued"]);
    expect(await miscounted(world)).toEqual([]);
  });

  it("gives the room of stopped and of lost work to what waits", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    const sessions = [await world.wish("stopped"), await world.wish("lost"), await world.wish("last")];
    await stopSession(world.as.web.db, world.actor, sessions[0]!);
    expect(await statusesOf(sessions)).toEqual(["cancelled", "ready", "queued"]);
    await world.claimOne(worker);
    await world.advance(15_001);
    await recoverExpiredLeases(world.as.scheduler.db, 10);
    // The lost one is due again only now, the other has waited longer.
    expect(await statusesOf(sessions)).toEqual(["cancelled", "queued", "ready"]);
    expect(await miscounted(world)).toEqual([]);
  });

  it("fills all its room when work ends, also with what has become due since", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 2);
    const [paused, busy] = [await world.wish("paused"), await world.wish("busy")];
    await world.enqueue(busy, "next");
    const [first, second] = await world.claimAll(worker, 2);
    await end(world, first!.lease, { kind: "failed", reason: "runtime_lost" });
    await world.advance(1_500);
    await end(world, second!.lease);
    expect((await workOf(world, busy)).map((row) => row.status)).toEqual(["succeeded", "ready"]);
    expect(await statusesOf([paused])).toEqual(["ready"]);
    expect(await tick()).toEqual({ promoted: 0, missed: 0 });
  });

  it("does not touch the room of other organisations", async () => {
    const other = await newTenant(world, "roomy");
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    await world.wish();
    const crowded = await world.wish();
    const free = await wishOf(world, other);
    expect(await statusesOf([crowded, free])).toEqual(["queued", "ready"]);
  });

  it("gets room at once when its quota grows, with the next tick", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    const sessions = [await world.wish(), await world.wish(), await world.wish()];
    await setQuota(world, world.actor, "concurrent_sessions", 3);
    expect(await tick()).toEqual({ promoted: 2, missed: 0 });
    expect(await statusesOf(sessions)).toEqual(["ready", "ready", "ready"]);
  });

  it("is refused another wish when its queue is full, with evidence, and nothing is half-written", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    await setQuota(world, world.actor, "queue_depth", 1);
    const running = await world.wish();
    await world.wish();
    const refused = await enqueuePrompt(world.as.web.db, world.actor, running, { text: "more", traceparent: null });
    expect(refused).toEqual({ ok: false, reason: "quota_exceeded" });
    expect(await workOf(world, running)).toHaveLength(1);
    expect((await world.audit()).at(-1)).toMatchObject({ action: "quota_denied", reason: "queue_depth" });
    expect(await miscounted(world)).toEqual([]);
  });

  it("finds its room although whoever freed it skipped a lane that was being written to", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 1);
    await world.wish("runs");
    const waiting = await world.wish("waits");
    const { lease } = await world.claimOne(worker);
    let second: Promise<void> | undefined;
    await world.owner.db.transaction().execute(async (tx) => {
      await sql`select from cowork.tenants where org_id = ${world.actor.orgId} for no key update`.execute(tx);
      // Holds the waiting lane, and waits for the organisation's row that the finish below already has.
      second = world.enqueue(waiting, "more");
      await locked(world, 1);
      const ending = [{ token: lease.token, batchNo: 1, events: [], outcome: "succeeded", reason: null }];
      await sql`select * from worker_api_v1.finish(${ending}::jsonb)`.execute(tx);
    });
    await second;
    expect((await workOf(world, waiting)).map((row) => row.status)).toEqual(["ready", "queued"]);
    expect(await miscounted(world)).toEqual([]);
  });
});

describe("the tick", () => {
  it("promotes work whose pause is over and counts it as nobody's miss", async () => {
    const session = await world.wish();
    const { lease } = await world.claimOne(worker);
    await end(world, lease, { kind: "failed", reason: "runtime_lost" });
    expect((await workOf(world, session))[0]).toMatchObject({ status: "queued", is_head: true });
    expect(await tick()).toEqual({ promoted: 0, missed: 0 });
    await world.advance(1_201);
    expect(await tick()).toEqual({ promoted: 1, missed: 0 });
    expect((await workOf(world, session))[0]).toMatchObject({ status: "ready" });
  });

  it("promotes a head that somebody forgot, and counts that one and no other as missed", async () => {
    const forgotten = await world.wish();
    const paused = await world.wish();
    for (const { lease } of await world.claimAll(worker, 2))
      await end(world, lease, { kind: "failed", reason: "runtime_lost" });
    await world.advance(1_500);
    await sql`update cowork.work set available_at = cowork.now() - interval '1 minute' where session_id = ${forgotten}`.execute(
      world.owner.db,
    );
    expect(await tick()).toEqual({ promoted: 2, missed: 1 });
    expect(await statusesOf([forgotten, paused])).toEqual(["ready", "ready"]);
  });
});

describe("the tick, for a lane whose head nobody marked,", () => {
  const unmark = async (sessions: string[]) => {
    await setQuota(world, world.actor, "concurrent_sessions", 50);
    await sql`update cowork.work set is_head = false where session_id = any(${`{${sessions.join(",")}}`}::uuid[])`.execute(
      world.owner.db,
    );
  };

  it("marks it, promotes it when there is room, and counts it as missed once", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 0);
    const session = await world.wish();
    await world.enqueue(session, "behind it");
    await unmark([session]);
    await world.advance(5_000);
    expect(await tick()).toEqual({ promoted: 1, missed: 1 });
    expect(await workOf(world, session)).toMatchObject([
      { status: "ready", is_head: true },
      { status: "queued", is_head: false },
    ]);
    expect(await tick()).toEqual({ promoted: 0, missed: 0 });
  });

  it("looks at so many lanes at a time, and comes to all of them", async () => {
    await setQuota(world, world.actor, "concurrent_sessions", 0);
    const sessions = [await world.wish(), await world.wish(), await world.wish()];
    await unmark(sessions);
    const mended: string[] = [];
    for (let n = 0; n < 5; n += 1) {
      const { rows } = await sql<{ lanes: string[] }>`select to_jsonb(internal.mend_heads(1)) as lanes`.execute(
        world.as.scheduler.db,
      );
      expect(rows[0]!.lanes.length).toBeLessThanOrEqual(1);
      mended.push(...rows[0]!.lanes);
    }
    expect(mended.sort()).toEqual([...sessions].sort());
  });
});

describe("the counters of an organisation", () => {
  it("equal a recount from its work after a long random life", async () => {
    const random = seeded("quota counters");
    const tenants = [world.actor, await newTenant(world, "blue"), await newTenant(world, "green")];
    for (const tenant of tenants) await setQuota(world, tenant, "concurrent_sessions", 2 + random.below(3));
    const sessions: Array<{ actor: (typeof tenants)[number]; id: Awaited<ReturnType<World["wish"]>> }> = [];
    const held: Awaited<ReturnType<World["claimAll"]>> = [];
    const steps = {
      wish: async () => {
        const actor = random.pick(tenants);
        sessions.push({ actor, id: await wishOf(world, actor) });
      },
      more: async () => {
        const session = random.pick(sessions);
        if (session)
          await enqueuePrompt(world.as.web.db, session.actor, session.id, { text: "more", traceparent: null });
      },
      claim: async () => void held.push(...(await world.claimAll(worker, 1 + random.below(3)))),
      finish: async () => {
        const claimed = held.splice(random.below(held.length), 1)[0];
        if (!claimed) return;
        await end(
          world,
          claimed.lease,
          random.pick([
            { kind: "succeeded" },
            { kind: "failed", reason: "runtime_error" },
            { kind: "failed", reason: "runtime_lost" },
            { kind: "released", reason: "worker_draining" },
            { kind: "cancelled", reason: "stopped_by_person" },
          ]),
        );
      },
      stop: async () => {
        const session = random.pick(sessions);
        if (session) await stopSession(world.as.web.db, session.actor, session.id);
      },
      time: async () => {
        await world.advance(random.below(9_000));
        await recoverExpiredLeases(world.as.scheduler.db, 10);
      },
      tick: async () => {
        await promoteDueWork(world.as.scheduler.db, 3);
        await settleReadyWork(world.as.scheduler.db, 10);
      },
      retry: async () => {
        const { rows } = await sql<{ org_id: string; work_id: string }>`
          select org_id, work_id from cowork.work where status = 'dead' limit 1`.execute(world.owner.db);
        const actor = tenants.find((tenant) => tenant.orgId === rows[0]?.org_id);
        if (actor) await retryDeadLetter(world.as.web.db, actor, rows[0]!.work_id as never, null);
      },
    };
    const names = Object.keys(steps) as Array<keyof typeof steps>;
    const weighted = [...names, "wish", "claim", "claim", "finish", "finish", "more"] as typeof names;
    for (let n = 0; n < 300; n += 1) {
      const name = random.pick(weighted);
      await steps[name]();
      if (n % 10 === 0) expect(await miscounted(world), `after step ${n}, ${name}`).toEqual([]);
    }
    expect(await miscounted(world)).toEqual([]);
    // Two at a time on several connections.
    await Promise.all(
      Array.from({ length: 60 }, () =>
        steps[random.pick(weighted)]().catch((error: unknown) => expect(error).toBe("")),
      ),
    );
    expect(await miscounted(world)).toEqual([]);
  });
});
