import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { beat } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { heartbeat } from "../worker-api/heartbeat.ts";
import { markUnhealthyWorkers } from "./mark-unhealthy-workers.ts";
import { moveWorker } from "./move-worker.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
});
beforeEach(async () => {
  worker = await world.enrol(`worker-${newId()}`);
});
afterAll(() => world.drop());

const mark = () => markUnhealthyWorkers(world.as.scheduler.db, 30_000);
const move = (to: Parameters<typeof moveWorker>[3]) =>
  moveWorker(world.as.web.db, world.actor.userId, worker.workerId, to);
const statusOf = async (one = worker) => {
  const { rows } = await sql<{
    status: string;
  }>`select status from cowork.workers where worker_id = ${one.workerId}`.execute(world.owner.db);
  return rows[0]!.status;
};
const rejections = async () => (await world.audit()).filter((row) => row.action === "heartbeat_rejected");

describe("a worker that falls silent", () => {
  it("is unhealthy after its time and not before, with evidence, and active again with its next heartbeat", async () => {
    await beat(world, worker);
    await world.advance(20_000);
    expect(await mark()).not.toContain(worker.workerId);
    await world.advance(10_001);
    expect(await mark()).toContain(worker.workerId);
    expect((await world.audit()).at(-1)).toMatchObject({ action: "worker_unhealthy", reason: "heartbeat_missed" });
    expect(await mark()).toEqual([]);
    expect(await beat(world, worker)).toEqual({ ok: true, value: { status: "active" } });
    expect((await world.audit()).at(-1)).toMatchObject({ action: "worker_activated" });
  });

  it("is counted from its enrolment when it was never heard of", async () => {
    await world.advance(30_001);
    expect(await mark()).toContain(worker.workerId);
  });

  it("keeps its boot id to itself: another worker that reports by it is refused, and nothing of it counts", async () => {
    await beat(world, worker);
    const twin = { ...(await world.enrol(`twin-${newId()}`)), bootId: worker.bootId };
    expect(await beat(world, twin)).toEqual({ ok: false, reason: "boot_id_taken" });
    expect((await rejections()).at(-1)).toMatchObject({ reason: "boot_id_taken" });
    await world.advance(30_001);
    expect(await mark()).toContain(twin.workerId);
  });

  it("is healthy while one of its processes is heard of", async () => {
    await beat(world, worker);
    await world.advance(20_000);
    await beat(world, { ...worker, bootId: newId() });
    await world.advance(15_000);
    expect(await mark()).not.toContain(worker.workerId);
  });

  it("comes back by heartbeat also after a person has paused and resumed it before", async () => {
    await beat(world, worker);
    await move("paused");
    await move("active");
    await world.advance(30_001);
    await mark();
    expect(await statusOf()).toBe("unhealthy");
    expect(await beat(world, worker)).toEqual({ ok: true, value: { status: "active" } });
  });

  it("that a person was draining does not become active by a heartbeat", async () => {
    await beat(world, worker);
    await move("draining");
    await world.advance(30_001);
    await mark();
    expect(await beat(world, worker)).toMatchObject({ ok: true, value: { status: "unhealthy" } });
    expect(await statusOf()).toBe("unhealthy");
  });

  it("stays unhealthy when a person said so, whatever it reports", async () => {
    await beat(world, worker);
    await move("unhealthy");
    expect(await beat(world, worker)).toEqual({ ok: true, value: { status: "unhealthy" } });
    await move("active");
    expect(await beat(world, worker)).toEqual({ ok: true, value: { status: "active" } });
  });

  it.each(["paused", "retired"] as const)("is left alone while %s", async (status) => {
    await move(status);
    await world.advance(30_001);
    expect(await mark()).not.toContain(worker.workerId);
    expect(await statusOf()).toBe(status);
  });
});

describe("a heartbeat", () => {
  it("is accepted while paused and while draining, and changes neither", async () => {
    for (const status of ["paused", "active", "draining"] as const) {
      await move(status);
      expect(await beat(world, worker)).toEqual({ ok: true, value: { status } });
    }
  });

  it.each(["retired", "revoked"] as const)(
    "of a worker that is %s is refused and audited, and revives nothing",
    async (status) => {
      await move(status);
      const before = (await rejections()).length;
      expect(await beat(world, worker)).toEqual({ ok: false, reason: "credential_invalid" });
      expect((await rejections()).slice(before)).toMatchObject([{ reason: "credential_invalid" }]);
      expect(await statusOf()).toBe(status);
    },
  );

  it("with a credential that is unknown, expired or another worker's is refused and audited", async () => {
    const other = await world.enrol(`other-${newId()}`);
    const before = (await rejections()).length;
    const invalid = { ok: false, reason: "credential_invalid" };
    expect(await beat(world, { ...worker, credential: "cww_unknown" })).toEqual(invalid);
    expect(await beat(world, { ...worker, credential: other.credential })).toEqual(invalid);
    expect(await beat(world, { ...worker, workerId: null as never })).toEqual(invalid);
    await world.advance(86_400_001);
    expect(await beat(world, worker)).toEqual(invalid);
    expect(await rejections()).toHaveLength(before + 4);
  });

  it("that is repeated after a lost answer is answered the same and leaves no evidence; it is no sign of life", async () => {
    const seq = 900_000;
    const first = await beat(world, worker, { seq });
    const before = (await world.audit()).length;
    await world.advance(30_001);
    expect(await beat(world, worker, { seq })).toEqual(first);
    expect(await world.audit()).toHaveLength(before);
    expect(await mark()).toContain(worker.workerId);
    expect(await beat(world, worker, { seq: seq + 1 })).toMatchObject({ ok: true });
  });

  it("of more than 64 KiB is refused and not kept", async () => {
    const versions = { opencode: "x".repeat(20 * 1024 * 1024) };
    expect(await beat(world, worker, { versions })).toEqual({ ok: false, reason: "batch_too_large" });
  });

  it("that is older than one before, or the same with other content, is refused, audited and no sign of life", async () => {
    await beat(world, worker, { seq: 1_000_000 });
    await world.advance(20_000);
    const outOfOrder = { ok: false, reason: "heartbeat_out_of_order" };
    expect(await beat(world, worker, { seq: 999_999 })).toEqual(outOfOrder);
    expect(await beat(world, worker, { seq: 1_000_000, draining: true })).toEqual(outOfOrder);
    expect((await world.audit()).at(-1)).toMatchObject({
      action: "heartbeat_rejected",
      reason: "heartbeat_out_of_order",
    });
    await world.advance(10_001);
    expect(await mark()).toContain(worker.workerId);
    expect(await beat(world, worker, { seq: 999_999 })).toEqual(outOfOrder);
    expect(await statusOf()).toBe("unhealthy");
    expect(await beat(world, worker, { seq: 1_000_001 })).toMatchObject({ ok: true });
  });

  it("counts for each process by itself: a rollout runs two, one may drain while the other works", async () => {
    const next = { ...worker, bootId: newId<"boot">() };
    await beat(world, worker, { seq: 500_000, draining: true });
    expect(await beat(world, next, { seq: 1 })).toMatchObject({ ok: true });
    await world.wish();
    expect(await world.claimAll(next, 5)).toHaveLength(1);
    await expect(world.claimAll(worker)).rejects.toThrow("worker_not_active");
  });

  it.each([
    ["no body", null],
    ["no process", { seq: 1, draining: false }],
    ["a process that is no id", { bootId: "x", seq: 1, draining: false }],
    ["a sequence of zero", { bootId: newId(), seq: 0, draining: false }],
    ["a sequence beyond counting", { bootId: newId(), seq: "99999999999999999999", draining: false }],
    ["no word about draining", { bootId: newId(), seq: 1 }],
    ["draining that is no truth value", { bootId: newId(), seq: 1, draining: "yes" }],
    ["a list instead of a report", [1, 2]],
  ])("with %s is an error of class 22 and leaves nothing", async (_, body) => {
    const { workerId, credential } = worker;
    await expect(heartbeat(world.as.worker.db, { workerId, credential, body: body as never })).rejects.toMatchObject({
      code: expect.stringMatching(/^22/),
    });
    const { rows } = await sql`select from cowork.worker_incarnations where worker_id = ${workerId}`.execute(
      world.owner.db,
    );
    expect(rows).toEqual([]);
  });
});
