import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { leaseTimings } from "@open-cowork/contracts/timings";
import { readSnapshot } from "../events/read-snapshot.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "./append-events.ts";
import { claimWork } from "./claim-work.ts";
import { finishWork } from "./finish-work.ts";
import { renewLeases } from "./renew-leases.ts";

let world: World;
let worker: TestWorker;
let other: TestWorker;

beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  other = await world.enrol("worker-b");
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const expire = () => world.advance(leaseTimings.ttlMs + 1);
const staleEvidence = async () => (await world.audit()).filter((row) => row.action === "stale_owner_write_rejected");

describe("a worker that holds a lease", () => {
  it("appends events, finishes, and the answer is in the read model", async () => {
    const sessionId = await world.wish("Greet me");
    const claimed = await world.claimOne(worker);
    expect(claimed).toMatchObject({ text: "Greet me", nextBatch: 1, lease: { sessionId, attempt: 1 } });

    const first = {
      lease: claimed.lease,
      batchNo: 1,
      runtimeSessionId: "ses_abc",
      events: [said.message("msg_1"), said.part("msg_1", "prt_1", ""), said.delta("msg_1", "prt_1", 0, "Hel")],
    };
    // command.accepted and attempt.started came before.
    expect(await appendEvents(db(), [first])).toEqual([{ ok: true, value: { through: 5 } }]);
    const ended = await finishWork(db(), {
      lease: claimed.lease,
      batchNo: 2,
      events: [said.delta("msg_1", "prt_1", 3, "lo"), said.part("msg_1", "prt_1", "Hello", 2)],
      outcome: { kind: "succeeded" },
    });
    expect(ended).toEqual({ ok: true, value: { through: 8 } });

    const snapshot = await readSnapshot(world.as.web.db, world.actor, sessionId);
    expect(snapshot!.through).toBe(8);
    expect(snapshot!.transcript.commands[claimed.commandId]).toMatchObject({
      status: "succeeded",
      attempt: 1,
      text: "Greet me",
      by: "Ada",
    });
    expect(snapshot!.transcript.messages["msg_1"]!.parts["prt_1"]).toMatchObject({ text: "Hello" });
  });

  it("gets the same answer again for a batch and for a finish whose answer was lost, and nothing is written twice", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    const batch = { lease, batchNo: 1, events: [said.message("msg_2")] };
    const once = await appendEvents(db(), [batch]);
    expect(await appendEvents(db(), [batch])).toEqual(once);
    const finish = {
      lease,
      batchNo: 2,
      events: [said.part("msg_2", "prt_2", "Done", 2)],
      outcome: { kind: "succeeded" } as const,
    };
    const ended = await finishWork(db(), finish);
    expect(await finishWork(db(), finish)).toEqual(ended);
    const snapshot = await readSnapshot(world.as.web.db, world.actor, sessionId);
    expect({ ok: true, value: { through: snapshot!.through } }).toEqual(ended);
  });

  it("gets the same leases again when the answer to its claim was lost", async () => {
    await world.wish();
    const request = world.request(worker);
    const once = await claimWork(db(), request);
    expect(once).toMatchObject({ ok: true, value: [{ lease: { attempt: 1 } }] });
    expect(await claimWork(db(), request)).toEqual(once);
    if (once.ok)
      await finishWork(db(), { lease: once.value[0]!.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
  });

  it("is refused when a batch is missing, and when a batch is too large, without hurting other lanes of the same call", async () => {
    await world.wish();
    await world.wish();
    const [a, b] = await world.claimAll(worker, 2);
    const many = Array.from({ length: 501 }, (_, n) => said.message(`msg_${n}`));
    const answers = await appendEvents(db(), [
      { lease: a!.lease, batchNo: 2, events: [] },
      { lease: b!.lease, batchNo: 1, events: many },
      { lease: b!.lease, batchNo: 1, events: [said.message("msg_3")] },
    ]);
    expect(answers).toMatchObject([
      { ok: false, reason: "batch_out_of_order" },
      { ok: false, reason: "batch_too_large" },
      { ok: true },
    ]);
    for (const claimed of [a!, b!]) {
      const batchNo = claimed === a ? 1 : 2;
      await finishWork(db(), { lease: claimed.lease, batchNo, events: [], outcome: { kind: "succeeded" } });
    }
  });

  it("stores an answer with NUL characters and broken surrogates instead of losing the batch", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    await finishWork(db(), {
      lease,
      batchNo: 1,
      events: [said.message("msg_4"), said.part("msg_4", "prt_4", "a\u0000b\uD800c", 2)],
      outcome: { kind: "succeeded" },
    });
    const snapshot = await readSnapshot(world.as.web.db, world.actor, sessionId);
    expect(snapshot!.transcript.messages["msg_4"]!.parts["prt_4"]).toMatchObject({ text: "a\uFFFDb\uFFFDc" });
  });

  it("gets prompts of one session strictly one after the other", async () => {
    const sessionId = await world.wish("first");
    await world.enqueue(sessionId, "second");
    const [first, ...rest] = await world.claimAll(worker);
    expect(first!.text).toBe("first");
    expect(rest).toEqual([]);
    await finishWork(db(), { lease: first!.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
    const second = await world.claimOne(other);
    expect(second.text).toBe("second");
    await finishWork(db(), { lease: second.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
  });
});

describe("a worker that lost its lease", () => {
  it("can neither renew, append nor finish after expiry, even when nobody has re-claimed, and leaves evidence once per class", async () => {
    const before = (await staleEvidence()).length;
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await expire();
    const stale = { ok: false, reason: "stale_lease" };
    for (let n = 0; n < 2; n += 1) {
      expect(await renewLeases(db(), { leases: [lease], ttlMs: 15_000 })).toEqual([stale]);
      expect(await appendEvents(db(), [{ lease, batchNo: 1, events: [said.message("msg_late")] }])).toEqual([stale]);
      expect(await finishWork(db(), { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } })).toEqual(stale);
    }
    const evidence = (await staleEvidence()).slice(before);
    expect(evidence.map((row) => (row.subject as { writeClass: string }).writeClass).sort()).toEqual([
      "events",
      "renewals",
      "session_command_status",
    ]);
    await recoverExpiredLeases(world.as.scheduler.db, 10);
  });

  it("is refused although the same worker has claimed the work again: the token counts, not the owner", async () => {
    const [old] = await world.claimAll(worker, 1);
    await expire();
    expect(await recoverExpiredLeases(world.as.scheduler.db, 10)).toMatchObject([{ decision: "queued" }]);
    const again = await world.claimOne(worker);
    expect(again.lease.workId).toBe(old!.lease.workId);
    expect(again.lease.attempt).toBe(old!.lease.attempt + 1);
    expect(await appendEvents(db(), [{ lease: old!.lease, batchNo: 1, events: [] }])).toEqual([
      { ok: false, reason: "stale_lease" },
    ]);
    await finishWork(db(), { lease: again.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
  });

  it("hears that its own attempt has ended when it writes after its own finish, without evidence against it", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await finishWork(db(), { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
    const before = (await staleEvidence()).length;
    expect(await appendEvents(db(), [{ lease, batchNo: 2, events: [] }])).toEqual([
      { ok: false, reason: "lease_ended" },
    ]);
    expect(await staleEvidence()).toHaveLength(before);
  });

  it("is dead-lettered after as many losses as work is worth, and the person who asked is told", async () => {
    const sessionId = await world.wish("poison");
    for (let n = 1; n <= 5; n += 1) {
      await world.claimOne(worker);
      await expire();
      expect(await recoverExpiredLeases(world.as.scheduler.db, 10)).toMatchObject([
        { sessionId, decision: n < 5 ? "queued" : "dead" },
      ]);
    }
    const snapshot = await readSnapshot(world.as.web.db, world.actor, sessionId);
    expect(Object.values(snapshot!.transcript.commands)).toMatchObject([
      { status: "failed", reason: "attempts_exhausted", attempt: 5 },
    ]);
    expect(await world.claimAll(worker)).toEqual([]);
  });
});

describe("a claim", () => {
  it("gives each piece of work to exactly one of many workers that claim at once", async () => {
    const sessions = new Set<string>();
    for (let n = 0; n < 12; n += 1) sessions.add(await world.wish());
    const crowd = await Promise.all(Array.from({ length: 8 }, (_, n) => world.enrol(`crowd-${n}`)));
    const claims = (await Promise.all(crowd.map((one) => world.claimAll(one, 3)))).flat();
    // A candidate that another claim holds at that moment is skipped, not waited for: what is left comes with the next look.
    for (let left = await world.claimAll(worker); left.length > 0; left = await world.claimAll(worker))
      claims.push(...left);
    expect(claims.map((claimed) => claimed.lease.sessionId).sort()).toEqual([...sessions].sort());
    for (const { lease } of claims)
      await finishWork(db(), { lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
  });

  it("is refused without a valid credential", async () => {
    const refused = await claimWork(db(), world.request({ ...worker, credential: "cww_unknown" }));
    expect(refused).toEqual({ ok: false, reason: "credential_invalid" });
  });
});
