import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { DatabaseUnavailable } from "../database/unavailable.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { drain, end, mustBeCounted } from "../testing/builders.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { claimWork } from "../worker-api/claim-work.ts";
import { finishWork } from "../worker-api/finish-work.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { revealSecret } from "../worker-api/reveal-secret.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import { moveWorker } from "./move-worker.ts";

let world: World;
let worker: TestWorker;
let other: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  other = await world.enrol("worker-b");
});
beforeEach(async () => {
  worker = await world.enrol(`worker-${newId()}`);
});
afterEach(async () => {
  await world.advance(15_001);
  await recoverExpiredLeases(world.as.scheduler.db, 100);
  await settleReadyWork(world.as.scheduler.db, 100);
  await drain(world, other, 10);
  await mustBeCounted(world);
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const move = (to: Parameters<typeof moveWorker>[3]) =>
  moveWorker(world.as.web.db, world.actor.userId, worker.workerId, to);
const notActive = { ok: false, reason: "worker_not_active" };
const stale = { ok: false, reason: "stale_lease" };

describe("a worker that is paused in the middle of its work", () => {
  it("claims, renews and is shown nothing, but writes and finishes until its lease ends", async () => {
    await world.wish();
    await world.wish();
    const { lease } = await world.claimOne(worker);
    expect(await move("paused")).toEqual({ ok: true, value: { leasesEnded: 0 } });
    expect(await claimWork(db(), world.request(worker))).toEqual(notActive);
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toEqual([notActive]);
    expect(await revealSecret(db(), lease, "anthropic")).toEqual(notActive);
    expect((await world.audit()).at(-1)).toMatchObject({ action: "secret_reveal_failed", reason: "worker_not_active" });
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [said.message("msg_1")] }])).toMatchObject([
      { ok: true },
    ]);
    expect(await end(world, lease, { kind: "succeeded" }, 2)).toMatchObject({ ok: true });
  });

  it("loses its lease when it expires, and the work goes on elsewhere", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await move("paused");
    await world.advance(15_001);
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [] }])).toEqual([stale]);
    expect(await recoverExpiredLeases(world.as.scheduler.db, 10)).toHaveLength(1);
    expect((await world.claimOne(other)).lease).toMatchObject({ workId: lease.workId, attempt: 2 });
  });
});

describe.each(["draining", "unhealthy"] as const)("a worker that is %s in the middle of its work", (status) => {
  it("keeps and renews its lease, and claims nothing more", async () => {
    await world.wish();
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await move(status);
    expect(await claimWork(db(), world.request(worker))).toEqual(notActive);
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toMatchObject([{ ok: true }]);
    expect(await end(world, lease)).toMatchObject({ ok: true });
  });
});

describe("a worker that is revoked in the middle of its work", () => {
  it("is refused everything at once, all its leases have ended, and the work goes on elsewhere", async () => {
    for (let n = 0; n < 3; n += 1) await world.wish();
    const claims = await world.claimAll(worker, 3);
    expect(await move("revoked")).toEqual({ ok: true, value: { leasesEnded: 3 } });
    const { lease } = claims[0]!;
    const before = (await world.audit()).length;
    expect(await claimWork(db(), world.request(worker))).toEqual(notActive);
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toEqual([stale]);
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [said.message("msg_x")] }])).toEqual([stale]);
    expect(await revealSecret(db(), lease, "anthropic")).toEqual(stale);
    expect(await end(world, lease)).toEqual(stale);
    const late = (await world.audit()).slice(before);
    expect(late.map((row) => [row.action, (row.subject as { writeClass: string }).writeClass])).toEqual([
      ["stale_owner_write_rejected", "renewals"],
      ["stale_owner_write_rejected", "events"],
      ["stale_owner_write_rejected", "secret_reveals"],
      ["stale_owner_write_rejected", "session_command_status"],
    ]);
    const again = await world.claimAll(other, 5);
    expect(again.map((claimed) => claimed.lease.workId).sort()).toEqual(claims.map((one) => one.lease.workId).sort());
    for (const one of again) expect(one.lease.attempt).toBe(2);
    const { rows } = await sql`select from cowork.lanes where worker_id = ${worker.workerId}`.execute(world.owner.db);
    expect(rows).toEqual([]);
  });

  it("can't hold its revoke up with a transaction: its connection is ended, and with it what it held", async () => {
    for (let n = 0; n < 2; n += 1) await world.wish();
    const [held, free] = (await world.claimAll(worker, 2)).map((claimed) => claimed.lease);
    const frozen = world.as.worker.db
      .transaction()
      .execute(async (tx) => {
        expect(await renewLeases(tx, { leases: [held!], ttlMs: 15_000 })).toMatchObject([{ ok: true }]);
        expect(await move("revoked")).toEqual({ ok: true, value: { leasesEnded: 2 } });
        await renewLeases(tx, { leases: [held!], ttlMs: 15_000 });
      })
      .catch((error: unknown) => error);
    expect(await frozen).toBeInstanceOf(DatabaseUnavailable);
    expect(await renewLeases(db(), { leases: [held!, free!], ttlMs: 15_000 })).toEqual([stale, stale]);
    expect(await world.claimAll(other, 5)).toHaveLength(2);
  });

  it("writes nothing more from then on, even if its leases could not be ended yet", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await sql`select internal.mark_revoked(${worker.workerId})`.execute(world.owner.db);
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toEqual([stale]);
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [] }])).toEqual([stale]);
    expect(await end(world, lease)).toEqual(stale);
    expect(await recoverExpiredLeases(world.as.scheduler.db, 10)).toMatchObject([{ sessionId: lease.sessionId }]);
    expect((await world.claimOne(other)).lease).toMatchObject({ workId: lease.workId, attempt: 2 });
  });

  it("can't call a verb in a transaction that still sees the world from before", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    const { db: workerDb } = world.as.worker;
    for (const level of ["repeatable read", "serializable"] as const) {
      const inOld = (call: (tx: typeof workerDb) => Promise<unknown>) =>
        workerDb.transaction().setIsolationLevel(level).execute(call);
      for (const call of [
        (tx: typeof workerDb) => renewLeases(tx, { leases: [lease], ttlMs: 15_000 }),
        (tx: typeof workerDb) => revealSecret(tx, lease, "anthropic"),
        (tx: typeof workerDb) => claimWork(tx, world.request(worker)),
        (tx: typeof workerDb) => appendEvents(tx, [{ lease, batchNo: 1, events: [] }]),
        (tx: typeof workerDb) => finishWork(tx, { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } }),
      ])
        await expect(inOld(call)).rejects.toMatchObject({ code: "25001" });
    }
  });

  it("renews nothing once all its credentials are revoked", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await sql`update cowork.worker_credentials set revoked_at = cowork.now() where worker_id = ${worker.workerId}`.execute(
      world.owner.db,
    );
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toEqual([notActive]);
  });

  it("is revoked once: the second time is refused", async () => {
    await move("revoked");
    expect(await move("revoked")).toEqual({ ok: false, reason: "worker_transition_not_allowed" });
  });

  it("beside a claim of its own holds nothing in the end, whoever came first", async () => {
    for (let round = 0; round < 6; round += 1) {
      worker = await world.enrol(`racer-${newId()}`);
      await world.wish();
      const [revoked] = await Promise.all([move("revoked"), claimWork(db(), world.request(worker, { limit: 5 }))]);
      expect(revoked).toMatchObject({ ok: true });
      const { rows } = await sql`select from cowork.lanes where worker_id = ${worker.workerId}`.execute(world.owner.db);
      expect(rows).toEqual([]);
    }
  });
});
