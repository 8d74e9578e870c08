import { createHash } from "node:crypto";
import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import type { Actor, Tx } from "../database/in-org.ts";
import { DatabaseUnavailable } from "../database/unavailable.ts";
import { newTenant, workOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { once, type OnceRequest } from "./once.ts";

let world: World;
let other: Actor;
beforeAll(async () => {
  world = await createWorld();
  other = await newTenant(world, "other");
});
afterAll(() => world.drop());

const hash = (body: string) => createHash("sha256").update(body).digest("hex");
const request = (change: Partial<OnceRequest> = {}): OnceRequest => ({
  principal: world.actor.userId,
  key: newId(),
  bodyHash: hash("body"),
  validHours: 24,
  ...change,
});
/** Counts how often it acted, in its answer. */
function counting() {
  let acted = 0;
  const act = async () => ({ acted: (acted += 1) });
  return { act, count: () => acted };
}
const run = <T extends object>(req: OnceRequest, act: (tx: Tx) => Promise<T>, actor = world.actor) =>
  once(world.as.web.db, actor, req, act);
const conflict = { ok: false, reason: "idempotency_conflict" };

describe("a request with an idempotency key", () => {
  it("acts once, and its repeats get the first answer", async () => {
    const { act, count } = counting();
    const req = request();
    const first = await run(req, act);
    expect(first).toEqual({ ok: true, value: { acted: 1 } });
    expect(await run(req, act)).toEqual(first);
    expect(await run(req, act)).toEqual(first);
    expect(count()).toBe(1);
  });

  it("with another body is refused, and its act does not run", async () => {
    const { act, count } = counting();
    const req = request();
    await run(req, act);
    expect(await run({ ...req, bodyHash: hash("another") }, act)).toEqual(conflict);
    expect(count()).toBe(1);
  });

  it("is somebody's own: another principal and another organisation with the same key act for themselves", async () => {
    const { act, count } = counting();
    const req = request();
    await run(req, act);
    expect(await run({ ...req, principal: newId() }, act)).toEqual({ ok: true, value: { acted: 2 } });
    expect(await run(req, act, other)).toEqual({ ok: true, value: { acted: 3 } });
    expect(count()).toBe(3);
  });

  it("acts anew when its time is over, also with another body", async () => {
    const { act } = counting();
    const req = request({ validHours: 1 });
    await run(req, act);
    await world.advance(3_590_000);
    expect(await run(req, act)).toEqual({ ok: true, value: { acted: 1 } });
    await world.advance(20_000);
    const anew = { ...req, bodyHash: hash("another") };
    expect(await run(anew, act)).toEqual({ ok: true, value: { acted: 2 } });
    expect(await run(anew, act)).toEqual({ ok: true, value: { acted: 2 } });
    expect(await run(req, act)).toEqual(conflict);
  });

  it("whose act throws has neither acted nor used its key", async () => {
    const session = await world.wish();
    const req = request();
    const failing = run(req, async (tx) => {
      await enqueuePrompt(tx, world.actor, session, { text: "never", traceparent: null });
      throw new Error("after the act");
    });
    await expect(failing).rejects.toThrow("after the act");
    expect(await workOf(world, session)).toHaveLength(1);
    const { act } = counting();
    expect(await run({ ...req, bodyHash: hash("another") }, act)).toEqual({ ok: true, value: { acted: 1 } });
  });

  it("whose answer is not final keeps what it wrote and leaves its key free", async () => {
    const session = await world.wish();
    const req = request();
    const act = (tx: Tx) => enqueuePrompt(tx, world.actor, session, { text: "again", traceparent: null });
    const first = await once(world.as.web.db, world.actor, req, act, () => false);
    expect(first).toMatchObject({ ok: true, value: { ok: true, value: { commandSeq: 2 } } });
    expect(await run(req, act)).toMatchObject({ ok: true, value: { ok: true, value: { commandSeq: 3 } } });
    expect(await run(req, act)).toMatchObject({ ok: true, value: { ok: true, value: { commandSeq: 3 } } });
    expect(await workOf(world, session)).toHaveLength(3);
  });

  it("raced by many of its kind acts once, and all get its answer", async () => {
    const session = await world.wish();
    const req = request();
    const answers = await Promise.all(
      Array.from({ length: 6 }, () =>
        run(req, async (tx) => {
          const outcome = await enqueuePrompt(tx, world.actor, session, { text: "once", traceparent: null });
          await sql`select pg_sleep(0.05)`.execute(tx);
          return outcome;
        }),
      ),
    );
    for (const answer of answers) expect(answer).toEqual(answers[0]);
    expect(answers[0]).toMatchObject({ ok: true, value: { ok: true, value: { commandSeq: 2 } } });
    expect(await workOf(world, session)).toHaveLength(2);
  });

  it("raced by one that fails acts itself", async () => {
    const req = request();
    const entered = Promise.withResolvers<void>();
    const fails = run(req, async (tx) => {
      entered.resolve();
      await sql`select pg_sleep(0.05)`.execute(tx);
      throw new Error("the first one fails");
    });
    await entered.promise;
    const { act } = counting();
    const second = run(req, act);
    await expect(fails).rejects.toThrow("the first one fails");
    expect(await second).toEqual({ ok: true, value: { acted: 1 } });
  });

  it("raced by another body is refused, whichever came first acts", async () => {
    const req = request();
    const { act, count } = counting();
    const answers = await Promise.all([run(req, act), run({ ...req, bodyHash: hash("another") }, act)]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
    expect(answers).toContainEqual(conflict);
    expect(count()).toBe(1);
  });

  it("does not wait for ever for one that hangs", async () => {
    const req = request();
    const { act } = counting();
    const entered = Promise.withResolvers<void>();
    const done = Promise.withResolvers<void>();
    const hangs = run(req, async () => {
      entered.resolve();
      await done.promise;
      return { late: true };
    });
    await entered.promise;
    await expect(run({ ...req, waitMs: 100 }, act)).rejects.toThrow(DatabaseUnavailable);
    done.resolve();
    expect(await hangs).toEqual({ ok: true, value: { late: true } });
    expect(await run(req, act)).toEqual({ ok: true, value: { late: true } });
  });

  it.each([
    ["a text", "words"],
    ["a number", 0],
    ["nothing", null],
    ["a list", [1, { two: 2 }]],
    ["characters that jsonb refuses", { text: "a\u0000b\uD800" }],
  ])("may answer %s, and the repeat gets the same", async (_, value) => {
    const req = request();
    const first = await once(world.as.web.db, world.actor, req, async () => value);
    expect(first.ok).toBe(true);
    expect(await once(world.as.web.db, world.actor, req, async () => "not again")).toEqual(first);
  });

  it("that is malformed is an error and does not act", async () => {
    const { act, count } = counting();
    for (const change of [{ key: "" }, { key: "k".repeat(201) }, { bodyHash: "none" }, { principal: "nobody" }])
      await expect(run(request(change), act)).rejects.toMatchObject({ code: expect.stringMatching(/^2[23]/) });
    expect(count()).toBe(0);
  });
});
