import { randomBytes } from "node:crypto";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";

import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "./append-events.ts";
import { finishAll } from "./finish-work.ts";
import type { Lease } from "./lease.ts";

let world: World;
let worker: TestWorker;
let bad: Lease;
let good: Lease;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
beforeEach(async () => {
  await world.wish();
  await world.wish();
  [bad, good] = (await world.claimAll(worker, 2)).map((claimed) => claimed.lease) as [Lease, Lease];
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const tool = (input: unknown): RuntimeEvent => {
  const event = said.part("msg_1", "prt_1", "a tool");
  Object.assign((event.payload as { part: object }).part, { state: { input } });
  return event;
};

describe("an event that an agent made", () => {
  it.each([
    ["a key with a NUL", { "a\u0000b": 1 }, { "a\uFFFDb": 1 }],
    ["half a character in a key", { "a\uD800b": [{ "\uDC00": 1 }] }, { "a\uFFFDb": [{ "\uFFFD": 1 }] }],
    ["both in a value", ["\u0000", { x: "\uD83D" }], ["\uFFFD", { x: "\uFFFD" }]],
    // Written out, they are letters and stay what they are.
    ["the words for them", { "\\u0000": "\\ud800" }, { "\\u0000": "\\ud800" }],
    ["a date", { at: new Date(0) }, { at: "1970-01-01T00:00:00.000Z" }],
    ["a key that other objects inherit", JSON.parse('{"__proto__":{"\\u0000":1}}') as object, undefined],
  ])("is stored with %s", async (_, input, stored) => {
    const answers = await appendEvents(db(), [
      { lease: bad, batchNo: 1, events: [tool(input)] },
      { lease: good, batchNo: 1, events: [said.message("msg_ok")] },
    ]);
    expect(answers).toMatchObject([{ ok: true }, { ok: true }]);
    const { rows } = await sql<{ input: unknown }>`select payload #> '{part,state,input}' as input
      from cowork.session_events where session_id = ${bad.sessionId} and part_id = 'prt_1'`.execute(world.owner.db);
    expect(rows[0]!.input).toEqual(stored ?? JSON.parse('{"__proto__":{"\uFFFD":1}}'));
  });

  it.each([
    ["has no id", { type: "message.updated", payload: { info: {} } }],
    ["is of a type that nobody knows", { type: "made.up", payload: {} }],
    ["has an id that is too long", said.message("m".repeat(101))],
    ["belongs to a part whose id no index holds", said.delta("msg_1", randomBytes(8_000).toString("hex"), 0, "x")],
  ])("and that %s is refused alone: other lanes of the call are written", async (_, event) => {
    const batches = [
      { lease: bad, batchNo: 1, events: [event as never] },
      { lease: good, batchNo: 1, events: [said.message("msg_ok")] },
    ];
    expect(await appendEvents(db(), batches)).toMatchObject([{ ok: false, reason: "batch_malformed" }, { ok: true }]);
    expect(await appendEvents(db(), [batches[0]!])).toEqual([{ ok: false, reason: "batch_malformed" }]);
    // Nothing of it is there, and its lease takes what is well-formed.
    const endings = [bad, good].map((lease, n) => ({ lease, batchNo: n + 1, outcome: { kind: "succeeded" } as const }));
    expect(
      await finishAll(db(), [
        { ...endings[0]!, events: [event as never] },
        { ...endings[1]!, events: [] },
      ]),
    ).toMatchObject([{ ok: false, reason: "batch_malformed" }, { ok: true }]);
    expect(await finishAll(db(), [{ ...endings[0]!, events: [] }])).toMatchObject([
      { ok: true, value: { through: 3 } },
    ]);
  });
});
