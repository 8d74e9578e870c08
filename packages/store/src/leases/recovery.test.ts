import { randomBytes } from "node:crypto";
import { failures, type Failure } from "@open-cowork/contracts/refusals";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../commands/stop-session.ts";
import { retryDeadLetter } from "../dead-letters/resolve-dead-letter.ts";
import { readEvents } from "../events/read-events.ts";
import { drain, end, mustBeCounted, workOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { promoteDueWork } from "../work/promote-due-work.ts";
import type { Lease } from "../worker-api/lease.ts";
import { saveCheckpoint } from "../worker-api/save-checkpoint.ts";
import { recoverExpiredLeases } from "./recover-expired-leases.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterEach(async () => {
  await world.advance(600_000);
  await recoverExpiredLeases(world.as.scheduler.db, 100);
  await promoteDueWork(world.as.scheduler.db, 100);
  await drain(world, worker, 10);
  await mustBeCounted(world);
});
afterAll(() => world.drop());

const recover = () => recoverExpiredLeases(world.as.scheduler.db, 10);
const lose = async () => {
  const claimed = await world.claimOne(worker);
  await world.advance(15_001);
  return { claimed, recovered: await recover() };
};
const checkpoint = (lease: Lease, manifestSha256 = randomBytes(32).toString("hex")) =>
  saveCheckpoint(world.as.worker.db, lease, {
    schemaVersion: 1,
    manifestKey: `orgs/${world.actor.orgId}/sessions/${lease.sessionId}/checkpoints/${manifestSha256}`,
    manifestSha256,
    sizeBytes: 10,
    packs: [],
  });
const strikesOf = async (session: Parameters<typeof workOf>[1]) => (await workOf(world, session))[0]!.strikes;

describe("a lease that ran out", () => {
  it("is taken back once, not before its time, and the work is claimable again at once", async () => {
    const session = await world.wish();
    const { lease } = await world.claimOne(worker);
    await world.advance(10_000);
    expect(await recover()).toEqual([]);
    await world.advance(5_001);
    const both = (await Promise.all([recover(), recover(), recover()])).flat();
    expect(both).toMatchObject([{ sessionId: session, decision: "queued" }]);
    const again = await world.claimOne(worker);
    expect(again.lease).toMatchObject({ workId: lease.workId, attempt: 2 });
    const actions = (await world.audit()).filter(
      (row) => (row.subject as { workId?: string }).workId === lease.workId && row.reason === "worker_lost",
    );
    expect(actions).toMatchObject([{ action: "work_retried" }]);
  });

  it("is skipped while its lane is being written to, and taken back with the next tick", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await world.advance(15_001);
    await world.owner.db.transaction().execute(async (tx) => {
      await sql`select from cowork.lanes where work_id = ${lease.workId} for no key update`.execute(tx);
      expect(await recover()).toEqual([]);
    });
    expect(await recover()).toMatchObject([{ decision: "queued" }]);
  });

  it("costs a strike without progress; a checkpoint beyond all earlier attempts makes it free, an old one does not", async () => {
    const session = await world.wish();
    await lose();
    expect(await strikesOf(session)).toBe(1);
    const second = await world.claimOne(worker);
    expect(await checkpoint(second.lease)).toMatchObject({ ok: true });
    await world.advance(15_001);
    await recover();
    expect(await strikesOf(session)).toBe(1);
    await lose();
    expect(await strikesOf(session)).toBe(2);
  });

  it("costs a strike when an attempt saves again what an earlier one had: restoring is no progress", async () => {
    const session = await world.wish();
    const restored = randomBytes(32).toString("hex");
    for (let attempt = 1; attempt <= 3; attempt += 1) {
      const { lease } = await world.claimOne(worker);
      expect(await checkpoint(lease, restored)).toEqual({ ok: true, value: { version: attempt } });
      await world.advance(15_001);
      await recover();
      expect(await strikesOf(session)).toBe(attempt - 1);
    }
    await end(world, (await world.claimOne(worker)).lease);
    await world.enqueue(session, "next");
    const next = await world.claimOne(worker);
    await checkpoint(next.lease, restored);
    await world.advance(15_001);
    await recover();
    expect((await workOf(world, session))[1]).toMatchObject({ strikes: 1 });
  });

  it("ends work that has run for 24 hours, all attempts together; what it waited does not count", async () => {
    const session = await world.wish("runs for ever");
    const ranFor = async (hours: number) => {
      const { lease } = await world.claimOne(worker);
      await checkpoint(lease);
      await sql`update cowork.attempts set claimed_at = claimed_at - make_interval(hours => ${hours}::int)
        where work_id = ${lease.workId} and attempt = ${lease.attempt}`.execute(world.owner.db);
      await world.advance(15_001);
      return recover();
    };
    expect(await ranFor(12)).toMatchObject([{ decision: "queued" }]);
    await world.advance(2 * 3_600_000);
    expect(await ranFor(10)).toMatchObject([{ decision: "queued" }]);
    expect(await ranFor(2)).toMatchObject([{ decision: "dead" }]);
    const [work] = await workOf(world, session);
    expect(work).toMatchObject({ status: "dead", reason: "time_exhausted", strikes: 0 });
    // Another life has all its time again.
    await retryDeadLetter(world.as.web.db, world.actor, work!.work_id, null);
    expect(await ranFor(20)).toMatchObject([{ decision: "queued" }]);
    expect(await ranFor(4)).toMatchObject([{ decision: "dead" }]);
  });

  it("ends even work that always progresses, at twenty attempts", async () => {
    const session = await world.wish("progresses and kills");
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      const { lease } = await world.claimOne(worker);
      expect(lease.attempt).toBe(attempt);
      await checkpoint(lease);
      await world.advance(15_001);
      expect(await recover()).toMatchObject([{ decision: attempt < 20 ? "queued" : "dead" }]);
    }
    expect((await workOf(world, session))[0]).toMatchObject({
      status: "dead",
      reason: "attempts_exhausted",
      strikes: 0,
    });
  });

  it("does not bring back work that a person has stopped meanwhile", async () => {
    const session = await world.wish("stop me");
    await world.enqueue(session, "next");
    await world.claimOne(worker);
    await stopSession(world.as.web.db, world.actor, session);
    await world.enqueue(session, "after the stop");
    await world.advance(15_001);
    expect(await recover()).toMatchObject([{ sessionId: session, decision: "cancelled" }]);
    expect((await workOf(world, session)).map((row) => row.status)).toEqual(["cancelled", "cancelled", "ready"]);
    const { events } = (await readEvents(world.as.web.db, world.actor, session, 0, 100))!;
    expect(events.filter((event) => event.type === "command.finished")).toMatchObject([
      { payload: { outcome: "cancelled", reason: "stopped_by_person" } },
    ]);
  });

  it("takes back no more than the batch it was asked for", async () => {
    for (let n = 0; n < 3; n += 1) await world.wish();
    await world.claimAll(worker, 3);
    await world.advance(15_001);
    expect(await recoverExpiredLeases(world.as.scheduler.db, 2)).toHaveLength(2);
    expect(await recoverExpiredLeases(world.as.scheduler.db, 2)).toHaveLength(1);
  });
});

describe("an attempt that failed", () => {
  const reasons = Object.keys(failures) as Failure[];

  it.each(reasons.filter((reason) => failures[reason].retry === "never"))(
    "of %s ends the work, and no attempt follows",
    async (reason) => {
      const session = await world.wish();
      await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason });
      expect((await workOf(world, session))[0]).toMatchObject({ status: "failed", reason });
      await world.advance(600_000);
      expect(await promoteDueWork(world.as.scheduler.db, 10)).toEqual({ promoted: 0, missed: 0 });
    },
  );

  it.each(reasons.filter((reason) => failures[reason].retry === "later"))(
    "of %s pauses for as long as its kind says, longer with each strike, and dies with the fifth",
    async (reason) => {
      const { pauseMs, pauseMostMs } = failures[reason];
      const session = await world.wish();
      for (let strike = 1; strike <= 5; strike += 1) {
        await promoteDueWork(world.as.scheduler.db, 10);
        await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason });
        const [work] = await workOf(world, session);
        expect(work!.strikes).toBe(strike);
        if (strike === 5) {
          expect(work).toMatchObject({ status: "dead", reason: "attempts_exhausted" });
          break;
        }
        const pause = Math.min(pauseMostMs, pauseMs * 2 ** (strike - 1));
        // Time passes while the test looks.
        expect(work!.pause_ms).toBeLessThanOrEqual(pause * 1.2);
        if (pause > 0) expect(work!.pause_ms).toBeGreaterThan(pause * 0.8 - 500);
        expect(work!.status).toBe(pause === 0 ? "ready" : "queued");
        await world.advance(pause * 1.2 + 1);
      }
    },
  );

  it("and was released costs nothing and is claimable at once, but not for ever", async () => {
    const session = await world.wish();
    for (let attempt = 1; attempt <= 20; attempt += 1) {
      await end(world, (await world.claimOne(worker)).lease, { kind: "released", reason: "worker_draining" });
      const [work] = await workOf(world, session);
      expect(work).toMatchObject({ strikes: 0, attempt, status: attempt < 20 ? "ready" : "dead" });
    }
  });

  it("keeps its place: what was wished later in its session waits for the retry", async () => {
    const session = await world.wish("first");
    await world.enqueue(session, "second");
    await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason: "runtime_lost" });
    expect(await world.claimAll(worker)).toEqual([]);
    await world.advance(1_201);
    await promoteDueWork(world.as.scheduler.db, 10);
    expect((await drain(world, worker)).map((claimed) => claimed.text)).toEqual(["first", "second"]);
  });
});
