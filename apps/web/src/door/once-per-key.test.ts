import type { ErrorBody } from "@open-cowork/contracts/http";
import { newId } from "@open-cowork/contracts/ids";
import { setQuota } from "@open-cowork/store/testing/builders";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWebWorld, type WebWorld } from "../testing/web-world.ts";

let world: WebWorld;
let cookie: string;
beforeAll(async () => {
  world = await createWebWorld();
  cookie = await world.signIn();
});
afterAll(() => world.close());

const send = async (path: string, body: unknown, key: string) => {
  const answer = await world.post(path, body, { cookie, "idempotency-key": key });
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> & ErrorBody };
};
const sessions = async () =>
  ((await (await world.get("/api/sessions", { cookie })).json()) as { sessions: unknown[] }).sessions;

describe("a write with an Idempotency-Key", () => {
  it("makes one session however often it is sent, also all at once, and answers each time with that one", async () => {
    const before = (await sessions()).length;
    const key = newId();
    const wish = { prompt: "Build it once" };
    const answers = await Promise.all(Array.from({ length: 5 }, () => send("/api/sessions", wish, key)));
    answers.push(await send("/api/sessions", wish, key));
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: 6 }, () => 201));
    expect(new Set(answers.map(({ body }) => body["sessionId"])).size).toBe(1);
    expect(await sessions()).toHaveLength(before + 1);
  });

  it("enqueues one prompt, and its repeat names the same command", async () => {
    const { body } = await send("/api/sessions", { title: "Prompts" }, newId());
    const path = `/api/sessions/${String(body["sessionId"])}/prompts`;
    const key = newId();
    const first = await send(path, { text: "go" }, key);
    expect(first).toMatchObject({ status: 202, body: { commandSeq: 1 } });
    expect(await send(path, { text: "go" }, key)).toEqual(first);
    expect(await send(path, { text: "go" }, newId())).toMatchObject({ body: { commandSeq: 2 } });
  });

  it("is refused for another body and for another address", async () => {
    const one = await send("/api/sessions", { title: "One" }, newId());
    const two = await send("/api/sessions", { title: "Two" }, newId());
    const key = newId();
    const pathOf = (session: typeof one) => `/api/sessions/${String(session.body["sessionId"])}/prompts`;
    expect((await send(pathOf(one), { text: "go" }, key)).status).toBe(202);
    for (const [path, text] of [
      [pathOf(one), "go elsewhere"],
      [pathOf(two), "go"],
    ] as const) {
      const refused = await send(path, { text }, key);
      expect([refused.status, refused.body.error.reason]).toEqual([409, "idempotency_conflict"]);
    }
  });

  it("remembers a refusal that stands, and not one that passes", async () => {
    const stands = newId();
    const { body } = await send("/api/sessions", { title: "Idle" }, newId());
    const path = `/api/sessions/${String(body["sessionId"])}`;
    expect((await send(`${path}/stop`, {}, stands)).body.error.reason).toBe("nothing_to_stop");
    await send(`${path}/prompts`, { text: "go" }, newId());
    expect((await send(`${path}/stop`, {}, stands)).body.error.reason).toBe("nothing_to_stop");

    const passes = newId();
    await setQuota(world, world.actor, "queue_depth", 0);
    const refused = await send(`${path}/prompts`, { text: "more" }, passes);
    expect([refused.status, refused.body.error.reason]).toEqual([429, "quota_exceeded"]);
    expect((await world.audit()).at(-1)).toMatchObject({ action: "quota_denied" });
    expect((await send("/api/sessions", { prompt: "more" }, newId())).status).toBe(429);
    await setQuota(world, world.actor, "queue_depth", 1_000);
    expect((await send(`${path}/prompts`, { text: "more" }, passes)).status).toBe(202);
  });

  it("is refused when malformed, before it acts", async () => {
    const before = (await sessions()).length;
    for (const key of ["", "two words", "x".repeat(201)]) {
      const refused = await send("/api/sessions", { title: "never" }, key);
      expect([refused.status, refused.body.error.reason]).toEqual([400, "invalid_request"]);
      expect(refused.body.error.details).toMatchObject([{ path: "Idempotency-Key" }]);
    }
    expect(await sessions()).toHaveLength(before);
  });
});
