import { newId } from "@open-cowork/contracts/ids";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { readEvents } from "../events/read-events.ts";
import { drain, end, mustBeCounted, newTenant, workOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { enqueuePrompt } from "./enqueue-prompt.ts";
import { stopSession } from "./stop-session.ts";

let world: World;
let worker: TestWorker;
let stranger: Actor;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  stranger = await newTenant(world, "stranger");
});
afterEach(async () => {
  await drain(world, worker, 50);
  await mustBeCounted(world);
});
afterAll(() => world.drop());

const enqueue = (sessionId: Parameters<typeof enqueuePrompt>[2], text = "more", actor = world.actor) =>
  enqueuePrompt(world.as.web.db, actor, sessionId, { text, traceparent: null });
const stop = (sessionId: Parameters<typeof stopSession>[2], actor = world.actor) =>
  stopSession(world.as.web.db, actor, sessionId);
const statuses = async (sessionId: Parameters<typeof workOf>[1]) =>
  (await workOf(world, sessionId)).map((row) => row.status);

describe("enqueueing a prompt", () => {
  it("numbers the commands of a session in their order, promotes the first, and keeps the rest behind it", async () => {
    const session = await world.wish();
    expect(await enqueue(session)).toMatchObject({ ok: true, value: { commandSeq: 2 } });
    expect(await enqueue(session)).toMatchObject({ ok: true, value: { commandSeq: 3 } });
    expect(await statuses(session)).toEqual(["ready", "queued", "queued"]);
    expect((await workOf(world, session)).map((row) => row.is_head)).toEqual([true, false, false]);
  });

  it("is done by many at once without a gap, and the worker gets them in the order of their numbers", async () => {
    const session = await world.wish("1");
    const seqs = await Promise.all(Array.from({ length: 10 }, (_, n) => enqueue(session, `${n}`)));
    const numbers = seqs.map((outcome) => (outcome.ok ? outcome.value.commandSeq : 0));
    expect(numbers.toSorted((a, b) => a - b)).toEqual(Array.from({ length: 10 }, (_, n) => n + 2));
    const claims = await drain(world, worker);
    const { events } = (await readEvents(world.as.web.db, world.actor, session, 0, 1_000))!;
    const accepted = events.filter((event) => event.type === "command.accepted").map((event) => event.commandId);
    expect(claims.map((claimed) => claimed.commandId)).toEqual(accepted);
    expect(events.map((event) => event.seq)).toEqual(events.map((_, n) => n + 1));
  });

  it("beside the end of what runs in its session is never left behind unpromoted", async () => {
    for (let round = 0; round < 15; round += 1) {
      const session = await world.wish();
      const { lease } = await world.claimOne(worker);
      await Promise.all([end(world, lease), enqueue(session)]);
      expect(await statuses(session)).toEqual(["succeeded", "ready"]);
      await drain(world, worker);
    }
  });

  it("is refused for a session that is unknown, another organisation's or archived", async () => {
    const session = await world.wish();
    expect(await enqueue(newId())).toEqual({ ok: false, reason: "not_found" });
    expect(await enqueue(session, "theirs", stranger)).toEqual({ ok: false, reason: "not_found" });
    await sql`update cowork.sessions set status = 'archived' where session_id = ${session}`.execute(world.owner.db);
    expect(await enqueue(session)).toEqual({ ok: false, reason: "session_not_open" });
    expect(await statuses(session)).toEqual(["ready"]);
  });

  it("is refused beyond as many waiting prompts as a session may have", async () => {
    const session = await world.wish();
    for (let n = 1; n < limits.waitingPromptsPerSession; n += 1) await enqueue(session);
    expect(await enqueue(session)).toEqual({ ok: false, reason: "queue_full" });
    await end(world, (await world.claimOne(worker)).lease);
    expect(await enqueue(session)).toMatchObject({ ok: true });
  });

  it("in the name of somebody who does not exist is an error and leaves nothing", async () => {
    const session = await world.wish();
    await expect(enqueue(session, "x", { ...world.actor, userId: newId() })).rejects.toMatchObject({ code: "P0002" });
    expect(await statuses(session)).toEqual(["ready"]);
  });
});

describe("stopping a session", () => {
  it("that is unknown or another organisation's is refused, and stops nothing", async () => {
    const session = await world.wish();
    expect(await stop(newId())).toEqual({ ok: false, reason: "not_found" });
    expect(await stop(session, stranger)).toEqual({ ok: false, reason: "not_found" });
    expect(await statuses(session)).toEqual(["ready"]);
  });

  it("with a retry that waits for its pause cancels it", async () => {
    const session = await world.wish();
    await end(world, (await world.claimOne(worker)).lease, { kind: "failed", reason: "runtime_lost" });
    expect(await stop(session)).toEqual({ ok: true, value: { cancelled: 1, signalled: false } });
    expect(await statuses(session)).toEqual(["cancelled"]);
    expect(await stop(session)).toEqual({ ok: false, reason: "nothing_to_stop" });
  });

  it.each([
    ["released by a draining worker", { kind: "released", reason: "worker_draining" }],
    ["failed in a way that would be tried again", { kind: "failed", reason: "runtime_lost" }],
  ] as const)("holds though the attempt was %s meanwhile: nothing follows", async (_, outcome) => {
    const session = await world.wish();
    const { lease } = await world.claimOne(worker);
    await stop(session);
    await end(world, lease, outcome);
    expect((await workOf(world, session))[0]).toMatchObject({ status: "cancelled", reason: "stopped_by_person" });
  });

  it("comes too late for an attempt that succeeded meanwhile, which stays a success", async () => {
    const session = await world.wish();
    const { lease } = await world.claimOne(worker);
    await stop(session);
    await end(world, lease);
    expect(await statuses(session)).toEqual(["succeeded"]);
  });

  it("does not stop what is wished after it", async () => {
    const session = await world.wish();
    await stop(session);
    await enqueue(session, "after");
    expect(await statuses(session)).toEqual(["cancelled", "ready"]);
  });
});
