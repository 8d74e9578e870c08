import { newId, type SessionId, type WorkId } from "@open-cowork/contracts/ids";
import { limits } from "@open-cowork/contracts/timings";
import { emptyTranscript, foldEvent } from "@open-cowork/contracts/transcript";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readEvents } from "../events/read-events.ts";
import { readSnapshot } from "../events/read-snapshot.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import type { Actor } from "../database/in-org.ts";
import { drain, end, locked, miscounted, newTenant, setQuota, workOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { listDeadLetters } from "./list-dead-letters.ts";
import { dropDeadLetter, retryDeadLetter } from "./resolve-dead-letter.ts";

let world: World;
let worker: TestWorker;
let stranger: Actor;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  stranger = await newTenant(world, "stranger");
});
afterAll(() => world.drop());

const web = () => world.as.web.db;
const retry = (workId: WorkId, text: string | null = null, actor = world.actor) =>
  retryDeadLetter(web(), actor, workId, text);
const list = (actor = world.actor) => listDeadLetters(web(), actor, 10);

/** Work that every attempt failed at; nothing else may be claimable meanwhile. */
async function die(session: SessionId): Promise<WorkId> {
  for (;;) {
    const { lease } = await world.claimOne(worker);
    await world.advance(15_001);
    const [recovered] = await recoverExpiredLeases(world.as.scheduler.db, 1);
    if (recovered?.decision === "dead" && recovered.sessionId === session) return lease.workId;
  }
}

async function expectFoldIsSnapshot(session: SessionId) {
  const { events } = (await readEvents(web(), world.actor, session, 0, 1_000))!;
  const { transcript } = (await readSnapshot(web(), world.actor, session))!;
  expect(events.reduce(foldEvent, emptyTranscript)).toEqual(transcript);
  return transcript;
}

describe("a dead letter", () => {
  it("is listed with what was asked, why it died and after how many attempts, to its organisation only", async () => {
    const session = await world.wish("poison");
    const workId = await die(session);
    expect(await list()).toMatchObject([
      { workId, sessionId: session, text: "poison", reason: "worker_lost", attempts: 5 },
    ]);
    expect(await list(stranger)).toEqual([]);
    await dropDeadLetter(web(), world.actor, workId);
  });

  it("gets no other life in a session that is archived or has no room for it", async () => {
    const session = await world.wish("poison");
    const workId = await die(session);
    const archive = (status: string) =>
      sql`update cowork.sessions set status = ${status} where session_id = ${session}`.execute(world.owner.db);
    await archive("archived");
    expect(await retry(workId)).toEqual({ ok: false, reason: "session_not_open" });
    await archive("open");
    for (let n = 0; n < limits.waitingPromptsPerSession; n += 1) await world.enqueue(session, "more");
    expect(await retry(workId)).toEqual({ ok: false, reason: "queue_full" });
    expect((await world.audit()).at(-1)).toMatchObject({ action: "quota_denied", reason: "queue_full" });
    await drain(world, worker);
    expect(await miscounted(world)).toEqual([]);
    await dropDeadLetter(web(), world.actor, workId);
  });

  it("gets another life with an edited text, at the end of its lane, and the transcript shows it", async () => {
    const session = await world.wish("misspelt");
    const workId = await die(session);
    await world.enqueue(session, "later");
    expect(await retry(workId, "spelt right")).toEqual({ ok: true, value: null });
    expect(await list()).toEqual([]);
    const waiting = await expectFoldIsSnapshot(session);
    expect(Object.values(waiting.commands)).toMatchObject([
      { text: "spelt right", status: "waiting", reason: null, attempt: 5 },
      { text: "later", status: "waiting" },
    ]);
    const claims = await drain(world, worker);
    expect(claims.map((claimed) => claimed.text)).toEqual(["later", "spelt right"]);
    expect(claims[1]!.lease).toMatchObject({ workId, attempt: 6 });
    const over = await expectFoldIsSnapshot(session);
    expect(Object.values(over.commands)).toMatchObject([{ status: "succeeded", attempt: 6 }, { status: "succeeded" }]);
    expect(await miscounted(world)).toEqual([]);
    const actions = (await world.audit()).filter((row) => (row.subject as { workId?: string }).workId === workId);
    expect(actions.map((row) => row.action)).toContain("dead_letter_retried");
  });

  it("keeps its text when none is given, and dies anew with the full number of strikes", async () => {
    const session = await world.wish("as it was");
    const workId = await die(session);
    await retry(workId);
    expect((await workOf(world, session))[0]).toMatchObject({ status: "ready", strikes: 0, reason: null });
    expect(await die(session)).toBe(workId);
    expect(await list()).toMatchObject([{ workId, text: "as it was", attempts: 10 }]);
    await expectFoldIsSnapshot(session);
    await dropDeadLetter(web(), world.actor, workId);
  });

  it("of work that had used up all its attempts gets as many again", async () => {
    const session = await world.wish("released too often");
    const release = async () =>
      end(world, (await world.claimOne(worker)).lease, { kind: "released", reason: "worker_draining" });
    for (let n = 0; n < 20; n += 1) await release();
    const [dead] = await workOf(world, session);
    expect(dead).toMatchObject({ status: "dead" });
    await retry(dead!.work_id);
    await release();
    expect((await workOf(world, session))[0]).toMatchObject({ status: "ready", attempt: 21 });
    await drain(world, worker);
  });

  it("is dropped for good: what failed stays failed", async () => {
    const session = await world.wish("hopeless");
    const workId = await die(session);
    expect(await dropDeadLetter(web(), world.actor, workId)).toEqual({ ok: true, value: null });
    expect(await list()).toEqual([]);
    expect(await retry(workId)).toEqual({ ok: false, reason: "not_dead" });
    expect(await dropDeadLetter(web(), world.actor, workId)).toEqual({ ok: false, reason: "not_dead" });
    const transcript = await expectFoldIsSnapshot(session);
    expect(Object.values(transcript.commands)).toMatchObject([{ status: "failed", reason: "attempts_exhausted" }]);
    const { rows } =
      await sql`select resolution, resolved_by from cowork.dead_letters where work_id = ${workId}`.execute(
        world.owner.db,
      );
    expect(rows).toEqual([{ resolution: "dropped", resolved_by: world.actor.userId }]);
  });

  it("can't be touched by another organisation, and what is unknown or alive is no dead letter", async () => {
    const session = await world.wish("ours");
    const workId = await die(session);
    const notFound = { ok: false, reason: "not_found" };
    expect(await retry(workId, "theirs", stranger)).toEqual(notFound);
    expect(await dropDeadLetter(web(), stranger, workId)).toEqual(notFound);
    expect(await retry(newId())).toEqual(notFound);
    expect(await dropDeadLetter(web(), world.actor, newId())).toEqual(notFound);
    expect((await list())[0]).toMatchObject({ text: "ours" });
    await dropDeadLetter(web(), world.actor, workId);

    const alive = (await workOf(world, await world.wish()))[0]!.work_id;
    expect(await retry(alive)).toEqual({ ok: false, reason: "not_dead" });
    expect(await dropDeadLetter(web(), world.actor, alive)).toEqual({ ok: false, reason: "not_dead" });
    await drain(world, worker);
  });

  it("that two people retry at once lives once", async () => {
    const session = await world.wish("wanted");
    const workId = await die(session);
    let both: Promise<unknown[]> | undefined;
    await world.owner.db.transaction().execute(async (tx) => {
      await sql`select from cowork.lanes where session_id = ${session} for no key update`.execute(tx);
      both = Promise.all([retry(workId, "a"), retry(workId, "b")]);
      await locked(world, 2);
    });
    expect(await both).toEqual(
      expect.arrayContaining([
        { ok: true, value: null },
        { ok: false, reason: "not_dead" },
      ]),
    );
    expect(await miscounted(world)).toEqual([]);
    await drain(world, worker);
  });

  it("stays dead while the organisation's queue is full, with evidence", async () => {
    const session = await world.wish();
    const workId = await die(session);
    await setQuota(world, world.actor, "queue_depth", 0);
    expect(await retry(workId)).toEqual({ ok: false, reason: "quota_exceeded" });
    expect((await world.audit()).at(-1)).toMatchObject({ action: "quota_denied", reason: "queue_depth" });
    await setQuota(world, world.actor, "queue_depth", 100);
    expect(await list()).toHaveLength(1);
    expect(await retry(workId)).toEqual({ ok: true, value: null });
    await drain(world, worker);
  });
});
