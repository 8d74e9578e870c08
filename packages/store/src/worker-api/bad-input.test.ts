import { newId } from "@open-cowork/contracts/ids";
import { eventTypes } from "@open-cowork/contracts/events";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { end, miscounted, workOf } from "../testing/builders.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "./append-events.ts";
import { finishAll, finishWork } from "./finish-work.ts";
import type { Lease } from "./lease.ts";
import { renewLeases } from "./renew-leases.ts";

let world: World;
let worker: TestWorker;
let lease: Lease;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
beforeEach(async () => {
  await world.wish();
  ({ lease } = await world.claimOne(worker));
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const append = (batches: unknown) =>
  sql`select * from worker_api_v1.append_events(${batches}::jsonb) order by idx`.execute(db());
const finish = (endings: unknown) =>
  sql`select * from worker_api_v1.finish(${endings}::jsonb) order by idx`.execute(db());
const seqs = async () =>
  (
    await sql<{
      seq: number;
    }>`select seq from cowork.session_events where session_id = ${lease.sessionId} order by seq`.execute(world.owner.db)
  ).rows.map((row) => row.seq);
const malformed = { code: expect.stringMatching(/^2[23]/) };
const wholeAndUsable = async () => {
  expect(await seqs()).toEqual([1, 2]);
  expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [said.message("msg_ok")] }])).toEqual([
    { ok: true, value: { through: 3 } },
  ]);
  expect(await end(world, lease, { kind: "succeeded" }, 2)).toMatchObject({ ok: true });
  expect(await miscounted(world)).toEqual([]);
};
const batch = (change: object) => [{ token: lease.token, batchNo: 1, events: [said.message("msg_1")], ...change }];
const ending = (change: object = {}) => ({
  token: lease.token,
  batchNo: 1,
  events: [],
  outcome: "succeeded",
  reason: null,
  ...change,
});

describe("a batch of events", () => {
  it("of 501 events or more than 4 MiB is refused before it travels, and leaves the lease usable", async () => {
    const many = Array.from({ length: 501 }, (_, n) => said.message(`msg_${n}`));
    const large = [said.part("msg_1", "prt_1", "x".repeat(4 * 1024 * 1024))];
    const tooLarge = { ok: false, reason: "batch_too_large" };
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: many }])).toEqual([tooLarge]);
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events: large }])).toEqual([tooLarge]);
    expect(await finishWork(db(), { lease, batchNo: 1, events: many, outcome: { kind: "succeeded" } })).toEqual(
      tooLarge,
    );
    expect(await appendEvents(db(), [])).toEqual([]);
    await wholeAndUsable();
  });

  it("that is too large is refused by the database too, whoever sends it", async () => {
    const many = Array.from({ length: 501 }, (_, n) => said.message(`msg_${n}`));
    const large = [said.part("msg_1", "prt_1", "x".repeat(17 * 1024 * 1024))];
    for (const events of [many, large]) {
      expect((await append(batch({ events }))).rows).toMatchObject([{ ok: false, reason: "batch_too_large" }]);
      expect((await finish([ending({ events })])).rows).toMatchObject([{ ok: false, reason: "batch_too_large" }]);
    }
    await wholeAndUsable();
  });

  it("of exactly 500 events is taken", async () => {
    const events = Array.from({ length: 500 }, (_, n) => said.message(`msg_${n}`));
    expect(await appendEvents(db(), [{ lease, batchNo: 1, events }])).toMatchObject([{ ok: true }]);
    await end(world, lease, { kind: "succeeded" }, 2);
  });

  it("with a type that is unknown, or that only the plane may state, is an error and writes nothing of it", async () => {
    const plane = Object.entries(eventTypes).flatMap(([type, row]) => (row.producer === "plane" ? [type] : []));
    expect(plane.length).toBeGreaterThan(3);
    for (const type of [...plane, "made.up", "", null]) {
      const events = [said.message("msg_1"), { type, payload: { commandId: newId() } }];
      await expect(append(batch({ events })), String(type)).rejects.toMatchObject({ code: "22023" });
      await expect(finish([ending({ events })]), String(type)).rejects.toMatchObject({ code: "22023" });
    }
    await wholeAndUsable();
  });

  it.each([
    ["no number", { batchNo: null }, "22023"],
    ["a number that is none", { batchNo: "one" }, "22P02"],
    ["a number beyond counting", { batchNo: "99999999999999999999" }, "22003"],
    ["no events", { events: null }, "22023"],
    ["events that are no list", { events: { type: "session.error" } }, "22023"],
    ["an event that is no object", { events: ["x"] }, "22023"],
    ["an event without a payload", { events: [{ type: "session.error" }] }, "23502"],
    ["a message without an id", { events: [{ type: "message.updated", payload: { info: {} } }] }, "23502"],
    [
      "a part of no message",
      { events: [{ type: "message.part.updated", payload: { part: { id: "prt_1" } } }] },
      "23502",
    ],
    ["an id that is too long", { events: [said.message("m".repeat(101))] }, "23514"],
    ["a runtime session that is no id", { runtimeSessionId: "../../etc" }, "23514"],
  ])("with %s is an error and writes nothing", async (_, change, code) => {
    await expect(append(batch(change))).rejects.toMatchObject({ code });
    await wholeAndUsable();
  });

  it("numbered zero, as if nothing had to be there before it, is out of order", async () => {
    expect((await append(batch({ batchNo: 0 }))).rows).toMatchObject([{ ok: false, reason: "batch_out_of_order" }]);
    expect((await append(batch({ batchNo: -1 }))).rows).toMatchObject([{ ok: false, reason: "batch_out_of_order" }]);
    await wholeAndUsable();
  });

  it("twice in one call is written once; two of one lane in one call follow each other", async () => {
    const [one] = batch({});
    const two = { ...one, batchNo: 2, events: [said.message("msg_2")] };
    const { rows } = await append([one, one, two]);
    expect(rows).toMatchObject([
      { ok: true, answer: { through: 3 } },
      { ok: true, answer: { through: 3 } },
      { ok: true, answer: { through: 4 } },
    ]);
    await end(world, lease, { kind: "succeeded" }, 3);
  });

  it.each([
    ["a scalar", 5],
    ["an object", {}],
    ["a text", "x"],
  ])("list that is %s is an error", async (_, batches) => {
    await expect(append(batches)).rejects.toMatchObject({ code: "22023" });
    await expect(finish(batches)).rejects.toMatchObject({ code: "22023" });
    await wholeAndUsable();
  });

  it("list with things that are no batches is an error, and the good one beside them is not written", async () => {
    for (const thing of [null, 5, "x", []])
      await expect(append([...batch({}), thing])).rejects.toMatchObject(malformed);
    await wholeAndUsable();
  });

  it("list that is empty or null gets no answers", async () => {
    expect((await append([])).rows).toEqual([]);
    expect((await sql`select * from worker_api_v1.append_events(null)`.execute(db())).rows).toEqual([]);
    expect((await sql`select * from worker_api_v1.finish(null)`.execute(db())).rows).toEqual([]);
    expect((await finish([])).rows).toEqual([]);
    await wholeAndUsable();
  });
});

describe("an ending", () => {
  it.each([
    ["no outcome", { outcome: null }],
    ["an outcome that is none", { outcome: "lost" }],
    ["success and a reason for failing", { reason: "runtime_error" }],
    ["failure and no reason", { outcome: "failed" }],
    ["a reason that nobody knows", { outcome: "failed", reason: "bad_mood" }],
    ["no batch number", { batchNo: null }],
    ["no events", { events: null }],
    ["events that are no list", { events: 5 }],
  ])("with %s is an error and ends nothing", async (_, change) => {
    await expect(finish([ending(change)])).rejects.toMatchObject({ code: "22023" });
    await wholeAndUsable();
  });

  it("of the same lease twice in one call counts once, and does not hurt the others of the call", async () => {
    await world.wish();
    const other = await world.claimOne(worker);
    const answers = await finishAll(db(), [
      { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } },
      { lease: other.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } },
      { lease, batchNo: 1, events: [], outcome: { kind: "failed", reason: "runtime_error" } },
    ]);
    expect(answers).toMatchObject([{ ok: true }, { ok: true }, { ok: false, reason: "batch_out_of_order" }]);
    expect((await workOf(world, lease.sessionId))[0]).toMatchObject({ status: "succeeded" });
    expect(await miscounted(world)).toEqual([]);
  });

  it("of one stale lane does not hurt the others of the call; more than 200 in a call are an error", async () => {
    const answers = (await finish([ending({ token: "stale" }), ending()])).rows;
    expect(answers).toMatchObject([{ ok: false, reason: "lease_unknown" }, { ok: true }]);
    await expect(finish(Array.from({ length: 201 }, () => ending()))).rejects.toMatchObject({ code: "22023" });
  });
});

describe("renewing", () => {
  it("with a time to live out of bounds or more than 200 leases is an error and renews nothing", async () => {
    for (const ttlMs of [999, 600_001, null as never, -1])
      await expect(renewLeases(db(), { leases: [lease], ttlMs })).rejects.toMatchObject({ code: "22023" });
    const leases = Array.from({ length: 201 }, () => lease);
    await expect(renewLeases(db(), { leases, ttlMs: 15_000 })).rejects.toMatchObject({ code: "22023" });
    await wholeAndUsable();
  });

  it("the same lease twice in one call renews it; an empty list and a null answer what they hold", async () => {
    const renewed = await renewLeases(db(), { leases: [lease, lease], ttlMs: 15_000 });
    expect(renewed).toMatchObject([{ ok: true }, { ok: true }]);
    const raw = async (tokens: string) =>
      (
        await sql<{
          ok: boolean;
          reason: string;
        }>`select ok, reason from worker_api_v1.renew(${sql.raw(tokens)}, 15000)`.execute(db())
      ).rows;
    expect(await raw("'{}'")).toEqual([]);
    expect(await raw("null")).toEqual([]);
    expect(await raw("array[null, '']::text[]")).toEqual([
      { ok: false, reason: "lease_unknown" },
      { ok: false, reason: "lease_unknown" },
    ]);
    await wholeAndUsable();
  });
});
