import { leaseTimings } from "@open-cowork/contracts/timings";
import { emptyTranscript, foldEvent, type Transcript } from "@open-cowork/contracts/transcript";
import type { SessionId } from "@open-cowork/contracts/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../commands/stop-session.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { finishWork } from "../worker-api/finish-work.ts";
import type { Claimed } from "../worker-api/lease.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { readEvents } from "./read-events.ts";
import { readSnapshot } from "./read-snapshot.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterAll(() => world.drop());

const snapshotOf = async (sessionId: SessionId) => (await readSnapshot(world.as.web.db, world.actor, sessionId))!;
const eventsOf = async (sessionId: SessionId, after = 0) =>
  (await readEvents(world.as.web.db, world.actor, sessionId, after, 1_000))!;

/** Every state that a reader could have held, folded on to the end, must be the state that the database holds. */
async function expectConvergence(
  sessionId: SessionId,
  held: Array<{ through: number; transcript: Transcript }>,
): Promise<void> {
  const { transcript, through } = await snapshotOf(sessionId);
  for (const reader of [{ through: 0, transcript: emptyTranscript }, ...held]) {
    const page = await eventsOf(sessionId, reader.through);
    expect(page.through).toBe(through);
    expect(page.events.reduce(foldEvent, reader.transcript)).toEqual(transcript);
  }
}

describe("the read model", () => {
  it("equals the fold of the events from every position a reader may hold, through deltas, a lost attempt and a second prompt", async () => {
    const sessionId = await world.wish("one");
    const held = [await snapshotOf(sessionId)];
    const append = async (
      claimed: Claimed,
      batchNo: number,
      events: Parameters<typeof appendEvents>[1][number]["events"],
    ) => {
      expect(await appendEvents(world.as.worker.db, [{ lease: claimed.lease, batchNo, events }])).toMatchObject([
        { ok: true },
      ]);
      held.push(await snapshotOf(sessionId));
    };

    const lost = await world.claimOne(worker);
    await append(lost, 1, [said.message("msg_1"), said.part("msg_1", "prt_1", "")]);
    await append(lost, 2, [said.delta("msg_1", "prt_1", 0, "half an ")]);
    await append(lost, 3, [said.delta("msg_1", "prt_1", 8, "answer")]);
    await world.advance(leaseTimings.ttlMs + 1);
    await recoverExpiredLeases(world.as.scheduler.db, 10);
    held.push(await snapshotOf(sessionId));

    const again = await world.claimOne(worker);
    await append(again, 1, [said.message("msg_2"), said.part("msg_2", "prt_2", "")]);
    await append(again, 2, [said.delta("msg_2", "prt_2", 0, "whole")]);
    await append(again, 3, [said.part("msg_2", "prt_2", "whole answer", 9)]);
    await world.enqueue(sessionId, "two");
    await finishWork(world.as.worker.db, {
      lease: again.lease,
      batchNo: 4,
      events: [said.message("msg_2")],
      outcome: { kind: "succeeded" },
    });
    held.push(await snapshotOf(sessionId));
    const second = await world.claimOne(worker);
    await finishWork(world.as.worker.db, {
      lease: second.lease,
      batchNo: 1,
      events: [],
      outcome: { kind: "cancelled", reason: "stopped_by_person" },
    });

    await expectConvergence(sessionId, held);
  });

  it("gives a message that told nothing of itself to the attempt that told of one of its parts last", async () => {
    const sessionId = await world.wish();
    const told = async (claimed: Claimed, part: string, text: string) =>
      appendEvents(world.as.worker.db, [
        { lease: claimed.lease, batchNo: 1, events: [said.part("msg_7", part, text)] },
      ]);
    await told(await world.claimOne(worker), "prt_7", "first");
    const held = [await snapshotOf(sessionId)];
    await world.advance(leaseTimings.ttlMs + 1);
    await recoverExpiredLeases(world.as.scheduler.db, 10);
    const again = await world.claimOne(worker);
    await told(again, "prt_6", "second");
    held.push(await snapshotOf(sessionId));
    expect(held.map(({ transcript }) => transcript.messages["msg_7"]!.attempt)).toEqual([1, 2]);
    const events = [said.message("msg_7"), said.part("msg_7", "prt_7", "first")];
    await finishWork(world.as.worker.db, { lease: again.lease, batchNo: 2, events, outcome: { kind: "succeeded" } });
    await expectConvergence(sessionId, held);
  });

  it("does not add deltas again to a part that was taken back after them", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    const events = [
      said.message("msg_8"),
      said.part("msg_8", "prt_8", ""),
      said.delta("msg_8", "prt_8", 0, "too hasty"),
    ];
    await appendEvents(world.as.worker.db, [{ lease, batchNo: 1, events }]);
    const held = await snapshotOf(sessionId);
    await appendEvents(world.as.worker.db, [{ lease, batchNo: 2, events: [said.part("msg_8", "prt_8", "too")] }]);
    await expectConvergence(sessionId, [held]);
    await finishWork(world.as.worker.db, { lease, batchNo: 3, events: [], outcome: { kind: "succeeded" } });
  });

  it("keeps no delta of a part that has its final state", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    const deltas = Array.from({ length: 200 }, (_, n) => said.delta("msg_9", "prt_9", n, "x"));
    await appendEvents(world.as.worker.db, [
      { lease, batchNo: 1, events: [said.message("msg_9"), said.part("msg_9", "prt_9", ""), ...deltas] },
    ]);
    expect((await eventsOf(sessionId)).events.length).toBeGreaterThan(200);
    await finishWork(world.as.worker.db, {
      lease,
      batchNo: 2,
      events: [said.part("msg_9", "prt_9", "x".repeat(200), 2)],
      outcome: { kind: "succeeded" },
    });
    const { events, through } = await eventsOf(sessionId);
    expect(events.filter((event) => event.type === "message.part.delta")).toEqual([]);
    expect(through).toBe(206);
  });

  it("pages: a full page ends at its last row, and the pages together are the whole", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    await appendEvents(world.as.worker.db, [
      { lease, batchNo: 1, events: Array.from({ length: 10 }, (_, n) => said.message(`msg_p${n}`)) },
    ]);
    const seqs: number[] = [];
    let after = 0;
    for (;;) {
      const page = (await readEvents(world.as.web.db, world.actor, sessionId, after, 5))!;
      seqs.push(...page.events.map((event) => event.seq));
      if (page.through === after) break;
      after = page.through;
    }
    expect(seqs).toEqual(Array.from({ length: 12 }, (_, n) => n + 1));
    await finishWork(world.as.worker.db, { lease, batchNo: 2, events: [], outcome: { kind: "succeeded" } });
  });
});

describe("stopping a session", () => {
  it("cancels what waits, signals the holder of what runs until its attempt ends, and asks only once", async () => {
    const sessionId = await world.wish("runs");
    await world.enqueue(sessionId, "waits");
    const { lease } = await world.claimOne(worker);
    const stop = () => stopSession(world.as.web.db, world.actor, sessionId);
    expect(await stop()).toEqual({ ok: true, value: { cancelled: 1, signalled: true } });
    expect(await stop()).toEqual({ ok: true, value: { cancelled: 0, signalled: true } });
    const renewed = await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 });
    expect(renewed).toMatchObject([{ ok: true, value: { signals: [{ kind: "stop" }] } }]);
    await finishWork(world.as.worker.db, {
      lease,
      batchNo: 1,
      events: [],
      outcome: { kind: "cancelled", reason: "stopped_by_person" },
    });
    expect(await stop()).toEqual({ ok: false, reason: "nothing_to_stop" });
    expect(Object.values((await snapshotOf(sessionId)).transcript.commands)).toMatchObject([
      { status: "cancelled" },
      { status: "cancelled" },
    ]);
    await expectConvergence(sessionId, []);
  });
});
