import type { SessionId } from "@open-cowork/contracts/ids";
import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import type { DeadLetter } from "@open-cowork/store/dead-letters/list-dead-letters";
import { end } from "@open-cowork/store/testing/builders";
import type { TestWorker } from "@open-cowork/store/testing/world";
import { newId } from "@open-cowork/contracts/ids";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWebWorld, type WebWorld } from "../testing/web-world.ts";

let world: WebWorld;
let worker: TestWorker;
let cookie: string;
beforeAll(async () => {
  world = await createWebWorld();
  worker = await world.enrol("hands");
  cookie = await world.signIn();
});
afterAll(() => world.close());

/** A prompt whose every attempt was lost. */
async function die(text: string): Promise<{ sessionId: SessionId; workId: string }> {
  const sessionId = await world.wish(text);
  for (;;) {
    const { lease } = await world.claimOne(worker);
    await world.advance(15_001);
    const recovered = await recoverExpiredLeases(world.as.scheduler.db, 10);
    const dead = recovered.find((each) => each.sessionId === sessionId && each.decision === "dead");
    if (dead) return { sessionId, workId: lease.workId };
  }
}

const letters = async () =>
  ((await (await world.get("/api/dead-letters", { cookie })).json()) as { deadLetters: DeadLetter[] }).deadLetters;
const statusOf = async (sessionId: SessionId) =>
  ((await (await world.get(`/api/sessions/${sessionId}`, { cookie })).json()) as { lastCommandStatus: string })
    .lastCommandStatus;
const form = (path: string, fields: Record<string, string>) =>
  fetch(world.origin + path, {
    method: "POST",
    headers: { cookie, origin: world.origin },
    body: new URLSearchParams(fields),
    redirect: "manual",
  });

describe("a prompt that every attempt failed at", () => {
  it("is listed, and lives again with a better text", async () => {
    const { sessionId, workId } = await die("poison");
    expect(await letters()).toMatchObject([{ workId, sessionId, text: "poison", attempts: 5 }]);
    const retried = await world.post(`/api/dead-letters/${workId}/retry`, { text: "medicine" }, { cookie });
    expect(retried.status).toBe(204);
    expect(await letters()).toEqual([]);
    expect(await statusOf(sessionId)).toBe("waiting");
    const claimed = await world.claimOne(worker);
    expect(claimed).toMatchObject({ text: "medicine", lease: { sessionId, workId } });
    const again = await world.post(`/api/dead-letters/${workId}/retry`, {}, { cookie });
    expect([again.status, await again.json()]).toMatchObject([409, { error: { reason: "not_dead" } }]);
    await end(world, claimed.lease, { kind: "succeeded" }, claimed.nextBatch);
  });

  it("is dropped for good", async () => {
    const { sessionId, workId } = await die("forget it");
    expect((await world.post(`/api/dead-letters/${workId}/drop`, {}, { cookie })).status).toBe(204);
    expect(await letters()).toEqual([]);
    expect(await statusOf(sessionId)).toBe("failed");
  });

  it("is retried and dropped by plain forms, which forgive that somebody else was faster", async () => {
    const kept = await die("first");
    const dropped = await die("second");
    const home = await (await world.get("/", { cookie })).text();
    expect(home).toContain('href="/dead-letters"');
    const page = await (await world.get("/dead-letters", { cookie })).text();
    expect(page).toContain(`action="/dead-letters/${kept.workId}/retry"`);
    for (let press = 0; press < 2; press += 1) {
      for (const [path, fields] of [
        [`/dead-letters/${kept.workId}/retry`, { text: "first\r\nagain" }],
        [`/dead-letters/${dropped.workId}/drop`, { text: "second" }],
      ] as const) {
        const answer = await form(path, fields);
        expect([answer.status, answer.headers.get("location")]).toEqual([303, "/dead-letters"]);
      }
    }
    const claimed = await world.claimOne(worker);
    expect(claimed).toMatchObject({ text: "first\nagain" });
    await end(world, claimed.lease, { kind: "succeeded" }, claimed.nextBatch);
    expect(await (await world.get("/", { cookie })).text()).not.toContain('href="/dead-letters"');
    expect(await (await world.get("/dead-letters", { cookie })).text()).toContain("Nothing here");
  });

  it("is nobody's when it does not exist", async () => {
    for (const workId of [newId(), "nothing"]) {
      for (const act of ["retry", "drop"]) {
        const answer = await world.post(`/api/dead-letters/${workId}/${act}`, {}, { cookie });
        expect([answer.status, await answer.json()]).toMatchObject([404, { error: { reason: "not_found" } }]);
      }
    }
  });
});

describe("why a session does not get on", () => {
  it("is said by the API and on its page", async () => {
    const sessionId = await world.wish("patience");
    const ask = async () => (await world.get(`/api/sessions/${sessionId}/waiting`, { cookie })).json();
    expect(await ask()).toMatchObject({ reason: "no_worker", message: "no worker that can take it is running" });
    const page = await (await world.get(`/sessions/${sessionId}`, { cookie })).text();
    expect(page).toContain("no worker that can take it is running");
    expect((await world.get(`/api/sessions/${newId()}/waiting`, { cookie })).status).toBe(404);
  });
});
