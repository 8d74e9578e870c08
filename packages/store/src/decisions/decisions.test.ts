import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { newId, type DecisionId } from "@open-cowork/contracts/ids";
import { emptyTranscript, foldEvent } from "@open-cowork/contracts/transcript";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../commands/stop-session.ts";
import type { Actor } from "../database/in-org.ts";
import { readEvents } from "../events/read-events.ts";
import { readSnapshot } from "../events/read-snapshot.ts";
import { readFeed } from "../feed/read-feed.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { findSession } from "../sessions/find-session.ts";
import { askedToChoose, askedToRun, colours, type Asked } from "../testing/asks.ts";
import { drain, end, mustBeCounted, newPerson, newTenant } from "../testing/builders.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import type { Claimed } from "../worker-api/lease.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { decide } from "./decide.ts";
import { expireDecisions } from "./expire-decisions.ts";

let world: World;
let worker: TestWorker;
let member: Actor;
let viewer: Actor;
let stranger: Actor;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  member = await newPerson(world, world.actor, "member");
  viewer = await newPerson(world, world.actor, "viewer");
  stranger = await newTenant(world, "stranger");
});
afterEach(() => mustBeCounted(world));
afterAll(() => world.drop());

const approve = { answer: "approve" } as const;
const refuse = { answer: "refuse" } as const;
const refusal = (reason: string) => ({ ok: false, reason });
const by = (actor: Actor, claimed: Claimed, decisionId: DecisionId, wish: Parameters<typeof decide>[4] = approve) =>
  decide(world.as.web.db, actor, claimed.lease.sessionId, decisionId, wish);

/** A claimed prompt that has asked something. */
async function waiting(...asks: Asked[]): Promise<Claimed> {
  await world.wish();
  const claimed = await world.claimOne(worker);
  await append(claimed, 1, ...asks.map(({ event }) => event));
  return claimed;
}

async function append({ lease }: Claimed, batchNo: number, ...events: RuntimeEvent[]): Promise<void> {
  const [outcome] = await appendEvents(world.as.worker.db, [{ lease, batchNo, events }]);
  expect(outcome).toMatchObject({ ok: true });
}

const signals = async ({ lease }: Claimed) => {
  const [renewed] = await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 });
  return renewed!.ok ? renewed!.value.signals : renewed;
};
const decision = async ({ lease }: Claimed, decisionId: DecisionId) => {
  const snapshot = await readSnapshot(world.as.web.db, world.actor, lease.sessionId);
  return snapshot!.transcript.decisions[decisionId];
};
/** The state of a reader that folded the whole history must be what the rows say. */
async function mustFold({ lease }: Claimed): Promise<void> {
  const page = await readEvents(world.as.web.db, world.actor, lease.sessionId, 0, 500);
  const folded = page!.events.reduce(foldEvent, emptyTranscript);
  expect(folded).toEqual((await readSnapshot(world.as.web.db, world.actor, lease.sessionId))!.transcript);
}
const audited = async (decisionId: DecisionId) =>
  (await world.audit()).filter(
    (row) => row.action === "decision_made" && (row.subject as { decisionId?: string }).decisionId === decisionId,
  );

describe("an ask of an agent", () => {
  it("is an open decision with the exact call, told to lists and watchers, in the transaction of its event", async () => {
    const ask = askedToRun("rm -r build");
    const { cursor } = await readFeed(world.as.web.db, world.actor, null, 100);
    const claimed = await waiting(ask);
    const { sessionId, attempt } = claimed.lease;
    expect(await decision(claimed, ask.decisionId)).toMatchObject({
      kind: "approval",
      status: "open",
      attempt,
      commandId: claimed.commandId,
      request: { permission: "bash", patterns: ["rm -r build"], metadata: { command: "rm -r build" } },
      by: null,
    });
    expect(await findSession(world.as.web.db, world.actor, sessionId)).toMatchObject({ waitsForPerson: true });
    const { facts } = await readFeed(world.as.web.db, world.actor, cursor, 100);
    expect(facts).toContainEqual(expect.objectContaining({ topic: "inbox", entityId: sessionId }));
    await mustFold(claimed);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });

  it("is there once when its batch is repeated after a lost answer", async () => {
    const ask = askedToRun("ls");
    const claimed = await waiting(ask);
    await append(claimed, 1, ask.event);
    const { rows } = await sql`select from cowork.decisions where decision_id = ${ask.decisionId}`.execute(
      world.owner.db,
    );
    expect(rows).toHaveLength(1);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });

  it("is refused with its whole batch when it would wait for no time or for ever, and when its id is taken", async () => {
    const claimed = await waiting();
    const { lease } = claimed;
    const first = askedToRun("ls");
    await append(claimed, 2, first.event);
    const ask = ({ event }: Asked) =>
      appendEvents(world.as.worker.db, [{ lease, batchNo: 3, events: [said.message("msg_x"), event] }]);
    for (const waitMs of [1, 8 * 24 * 3_600_000])
      expect(await ask(askedToRun("ls", waitMs))).toEqual([refusal("batch_malformed")]);
    await expect(ask(first)).rejects.toMatchObject({ code: "23505" });
    expect((await readEvents(world.as.web.db, world.actor, lease.sessionId, 0, 100))!.events.at(-1)).toMatchObject({
      type: "permission.asked",
    });
    await end(world, lease, { kind: "succeeded" }, 3);
  });
});

describe("deciding", () => {
  it.each([
    ["approved", askedToRun("make"), approve, null],
    ["refused", askedToRun("make"), refuse, null],
    ["answered", askedToChoose(colours), { answers: [["Red"]] }, [["Red"]]],
    ["refused", askedToChoose(colours), refuse, null],
  ] as const)(
    "reaches the lease holder as %s, with its decider, an audit row and a fact",
    async (status, ask, wish, answers) => {
      const claimed = await waiting(ask);
      expect(await signals(claimed)).toEqual([]);
      expect(await by(member, claimed, ask.decisionId, wish as never)).toEqual({ ok: true, value: { status } });
      expect(await signals(claimed)).toEqual([
        {
          signalId: ask.decisionId,
          kind: "decision",
          payload: {
            decisionId: ask.decisionId,
            status,
            answers,
            requestHash: (ask.event.payload as { decision: { requestHash: string } }).decision.requestHash,
          },
        },
      ]);
      expect(await decision(claimed, ask.decisionId)).toMatchObject({ status, by: "member", answers });
      expect(await audited(ask.decisionId)).toEqual([
        {
          action: "decision_made",
          reason: status,
          subject: expect.objectContaining({ sessionId: claimed.lease.sessionId, attempt: 1 }) as object,
        },
      ]);
      expect(await findSession(world.as.web.db, world.actor, claimed.lease.sessionId)).toMatchObject({
        waitsForPerson: false,
      });
      await mustFold(claimed);
      await end(world, claimed.lease, { kind: "succeeded" }, 2);
    },
  );

  it("is repeated until the runtime has taken it, and not after that", async () => {
    const [first, second] = [askedToRun("one"), askedToRun("two")];
    const claimed = await waiting(first, second);
    await by(member, claimed, first.decisionId);
    await by(member, claimed, second.decisionId);
    expect(await signals(claimed)).toHaveLength(2);
    expect(await signals(claimed)).toHaveLength(2);
    await append(claimed, 2, first.applied);
    expect(await signals(claimed)).toMatchObject([{ signalId: second.decisionId }]);
    await append(claimed, 3, first.applied, second.applied);
    expect(await signals(claimed)).toEqual([]);
    await mustFold(claimed);
    await end(world, claimed.lease, { kind: "succeeded" }, 4);
  });

  it("counts once: the same answer of the same person is a repeat, anything else comes too late", async () => {
    const ask = askedToRun("make");
    const claimed = await waiting(ask);
    expect(await by(member, claimed, ask.decisionId)).toMatchObject({ ok: true });
    expect(await by(member, claimed, ask.decisionId)).toMatchObject({ ok: true, value: { status: "approved" } });
    expect(await by(member, claimed, ask.decisionId, refuse)).toEqual(refusal("decision_not_open"));
    expect(await by(world.actor, claimed, ask.decisionId)).toEqual(refusal("decision_not_open"));
    expect(await audited(ask.decisionId)).toHaveLength(1);
    expect(await signals(claimed)).toHaveLength(1);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });

  it("is for members of the organisation only, and not for viewers", async () => {
    const ask = askedToRun("make");
    const claimed = await waiting(ask);
    expect(await by(viewer, claimed, ask.decisionId)).toEqual(refusal("forbidden"));
    expect(await by(stranger, claimed, ask.decisionId)).toEqual(refusal("decision_unknown"));
    expect(await by({ ...stranger, orgId: world.actor.orgId }, claimed, ask.decisionId)).toEqual(refusal("forbidden"));
    expect(await by(member, claimed, newId())).toEqual(refusal("decision_unknown"));
    const other = await world.wish();
    expect(await decide(world.as.web.db, member, other, ask.decisionId, approve)).toEqual(refusal("decision_unknown"));
    expect(await decision(claimed, ask.decisionId)).toMatchObject({ status: "open" });
    await drain(world, worker);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });

  it("takes only an answer that fits what was asked", async () => {
    const [call, question] = [askedToRun("make"), askedToChoose(colours)];
    const claimed = await waiting(call, question);
    for (const [ask, wish] of [
      [call, { answers: [["Red"]] }],
      [question, approve],
      [question, { answers: [["Red"], ["Blue"]] }],
    ] as const) {
      expect(await by(member, claimed, ask.decisionId, wish as never)).toEqual(refusal("decision_answer_misfit"));
    }
    expect(await signals(claimed)).toEqual([]);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });
});

describe("an ask that nobody answers", () => {
  it("expires by the database's clock: then nobody can decide it, and its holder is told", async () => {
    const [short, long] = [askedToRun("short", 5_000), askedToRun("long", 60_000)];
    const claimed = await waiting(short, long);
    expect(await expireDecisions(world.as.scheduler.db, 10)).toEqual([]);
    await world.advance(5_001);
    // Also before anybody has marked it.
    expect(await by(member, claimed, short.decisionId)).toEqual(refusal("decision_expired"));
    expect(await expireDecisions(world.as.scheduler.db, 10)).toEqual([claimed.lease.sessionId]);
    expect(await expireDecisions(world.as.scheduler.db, 10)).toEqual([]);
    expect(await by(member, claimed, short.decisionId)).toEqual(refusal("decision_expired"));
    expect(await signals(claimed)).toMatchObject([{ signalId: short.decisionId, payload: { status: "expired" } }]);
    expect(await decision(claimed, short.decisionId)).toMatchObject({ status: "expired", by: null });
    expect(await audited(short.decisionId)).toMatchObject([{ reason: "expired" }]);
    expect(await by(member, claimed, long.decisionId)).toMatchObject({ ok: true });
    await mustFold(claimed);
    await end(world, claimed.lease, { kind: "succeeded" }, 2);
  });

  it.each([
    [
      "is given back",
      (claimed: Claimed) => end(world, claimed.lease, { kind: "released", reason: "worker_draining" }, 2),
    ],
    ["succeeds", (claimed: Claimed) => end(world, claimed.lease, { kind: "succeeded" }, 2)],
    [
      "is lost",
      async () => {
        await world.advance(15_001);
        await recoverExpiredLeases(world.as.scheduler.db, 10);
      },
    ],
  ])("is withdrawn when its attempt %s, and can't be decided any more", async (_, ends) => {
    const [decided, open] = [askedToRun("decided"), askedToRun("open")];
    const claimed = await waiting(decided, open);
    await by(member, claimed, decided.decisionId);
    await ends(claimed);
    expect(await by(member, claimed, open.decisionId)).toEqual(refusal("decision_not_open"));
    expect(await decision(claimed, decided.decisionId)).toMatchObject({ status: "approved" });
    expect(await decision(claimed, open.decisionId)).toMatchObject({ status: "withdrawn", by: null });
    expect(await sql`select from cowork.signals`.execute(world.owner.db)).toMatchObject({ rows: [] });
    await world.advance(decisionOver);
    expect(await expireDecisions(world.as.scheduler.db, 10)).toEqual([]);
    await mustFold(claimed);
    await drain(world, worker);
  });

  it("can't be decided once the lease has run out, although nobody has taken it back yet", async () => {
    const ask = askedToRun("make");
    const claimed = await waiting(ask);
    await world.advance(15_001);
    expect(await by(member, claimed, ask.decisionId)).toEqual(refusal("decision_not_open"));
    await recoverExpiredLeases(world.as.scheduler.db, 10);
    await drain(world, worker);
  });

  it("belongs to its attempt: the next one asks again, and the old one stays withdrawn", async () => {
    const [before, after] = [askedToRun("make"), askedToRun("make")];
    const claimed = await waiting(before);
    await end(world, claimed.lease, { kind: "released", reason: "worker_draining" }, 2);
    const next = await world.claimOne(worker);
    await append(next, 1, after.event);
    expect(await by(member, next, before.decisionId)).toEqual(refusal("decision_not_open"));
    expect(await by(member, next, after.decisionId)).toMatchObject({ ok: true });
    expect(await signals(next)).toMatchObject([{ signalId: after.decisionId }]);
    await mustFold(next);
    await end(world, next.lease, { kind: "succeeded" }, 2);
  });
});

describe("a stop while an agent waits", () => {
  it("stands beside the decision: both reach the holder, and nothing is left when the attempt ends", async () => {
    const ask = askedToRun("make");
    const claimed = await waiting(ask);
    const { sessionId } = claimed.lease;
    expect(await stopSession(world.as.web.db, world.actor, sessionId)).toMatchObject({ ok: true });
    expect(await stopSession(world.as.web.db, world.actor, sessionId)).toMatchObject({ ok: true });
    expect(await by(member, claimed, ask.decisionId)).toMatchObject({ ok: true });
    expect(await signals(claimed)).toMatchObject([{ kind: "stop" }, { kind: "decision" }]);
    await end(world, claimed.lease, { kind: "cancelled", reason: "stopped_by_person" }, 2);
    expect(await sql`select from cowork.signals`.execute(world.owner.db)).toMatchObject({ rows: [] });
  });
});

/** Longer than any ask of this suite waits. */
const decisionOver = 31 * 60_000;
