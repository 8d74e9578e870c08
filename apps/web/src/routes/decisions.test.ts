import type { ErrorBody, SessionSummary } from "@open-cowork/contracts/http";
import { newId } from "@open-cowork/contracts/ids";
import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { askedToChoose, askedToRun, colours, type Asked } from "@open-cowork/store/testing/asks";
import { newPerson, newTenant } from "@open-cowork/store/testing/builders";
import { said } from "@open-cowork/store/testing/world";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { takeWork, type Hands } from "../testing/scripted-hands.ts";
import { createWebWorld, type WebWorld } from "../testing/web-world.ts";

let world: WebWorld;
let cookie: string;
beforeAll(async () => {
  world = await createWebWorld();
  cookie = await world.signIn();
});
afterAll(() => world.close());

/** A session whose agent waits for an answer. */
async function waiting(ask: Asked): Promise<{ hands: Hands; path: string }> {
  await world.wish();
  const hands = await takeWork(world);
  await hands.append(said.message("msg_1"), ask.event);
  return { hands, path: `/sessions/${hands.sessionId}/decisions/${ask.decisionId}` };
}
const decisionOf = async ({ sessionId }: Hands, { decisionId }: Asked) =>
  (await readSnapshot(world.as.web.db, world.actor, sessionId))!.transcript.decisions[decisionId];
const form = (path: string, fields: Array<[string, string]>, as = cookie) =>
  fetch(world.origin + path, {
    method: "POST",
    headers: { cookie: as, origin: world.origin },
    body: new URLSearchParams(fields),
    redirect: "manual",
  });
const reasonOf = async (answer: Response) => [answer.status, ((await answer.json()) as ErrorBody).error.reason];

describe("deciding by API", () => {
  it.each([
    ["approved", askedToRun("make"), { answer: "approve" }],
    ["refused", askedToRun("make"), { answer: "refuse" }],
    ["answered", askedToChoose(colours), { answers: [["Red"]] }],
  ] as const)("records that an ask was %s, once however often it is sent", async (status, ask, body) => {
    const { hands, path } = await waiting(ask);
    for (let n = 0; n < 2; n += 1) {
      const answer = await world.post(`/api${path}`, body, { cookie });
      expect([answer.status, await answer.json()]).toEqual([202, { status }]);
    }
    expect(await decisionOf(hands, ask)).toMatchObject({ status, by: "Ada" });
    await hands.finish({ kind: "succeeded" });
    const late = await world.post(`/api${path}`, { answer: "refuse" }, { cookie });
    expect(late.status).toBe(status === "refused" ? 202 : 409);
  });

  it("is refused to viewers, strangers and forged pages, and for what is not there", async () => {
    const ask = askedToRun("make");
    const { hands, path } = await waiting(ask);
    const viewer = await world.signIn(await newPerson(world, world.actor, "viewer"));
    const stranger = await world.signIn(await newTenant(world, "stranger"));
    const send = (as: string, to = path) => world.post(`/api${to}`, { answer: "approve" }, { cookie: as });
    expect(await reasonOf(await send(viewer))).toEqual([403, "forbidden"]);
    expect(await reasonOf(await send(stranger))).toEqual([404, "decision_unknown"]);
    expect(await reasonOf(await send(cookie, `/sessions/${hands.sessionId}/decisions/${newId()}`))).toEqual([
      404,
      "decision_unknown",
    ]);
    expect(await reasonOf(await send(cookie, `/sessions/${hands.sessionId}/decisions/x`))).toEqual([
      404,
      "decision_unknown",
    ]);
    const forged = await world.post(`/api${path}`, { answer: "approve" }, { cookie, origin: "http://evil.example" });
    expect(await reasonOf(forged)).toEqual([403, "cross_site_request"]);
    expect(await decisionOf(hands, ask)).toMatchObject({ status: "open" });
    await hands.finish({ kind: "succeeded" });
  });

  it.each([
    {},
    { answer: "always" },
    { answers: [] },
    { answers: [[]] },
    { answers: [[""]] },
    { answer: "approve", more: 1 },
  ])("takes nothing but an answer: %j", async (body) => {
    const ask = askedToRun("make");
    const { hands, path } = await waiting(ask);
    expect(await reasonOf(await world.post(`/api${path}`, body, { cookie }))).toEqual([400, "invalid_request"]);
    await hands.finish({ kind: "succeeded" });
  });
});

describe("deciding by form", () => {
  it("works without a script, and leads back to the session", async () => {
    const ask = askedToRun("make");
    const { hands, path } = await waiting(ask);
    const answer = await form(path, [["answer", "approve"]]);
    expect([answer.status, answer.headers.get("location")]).toEqual([303, `/sessions/${hands.sessionId}#newest`]);
    expect(await decisionOf(hands, ask)).toMatchObject({ status: "approved" });
    await hands.finish({ kind: "succeeded" });
  });

  it("puts choices and own words together as each question allows", async () => {
    const [question] = colours;
    const ask = askedToChoose([question!, { ...question!, multiple: true }]);
    const { hands, path } = await waiting(ask);
    await form(path, [
      ["asked", "2"],
      ["choice-0", "Red"],
      ["own-0", "Violet"],
      ["choice-1", "Red"],
      ["choice-1", "Blue"],
      ["more-1", "Green"],
      ["answer", "reply"],
    ]);
    expect(await decisionOf(hands, ask)).toMatchObject({
      status: "answered",
      answers: [["Violet"], ["Red", "Blue", "Green"]],
    });
    await hands.finish({ kind: "succeeded" });
  });
});

describe("a session that waits for a person", () => {
  it("says so in lists and on its page, with the call as it is", async () => {
    const command = "rm -rf build \u202egnp.exe <b>";
    const { hands } = await waiting(askedToRun(command));
    const session = (await (await world.get(`/api/sessions/${hands.sessionId}`, { cookie })).json()) as SessionSummary;
    expect(session.waitsForPerson).toBe(true);
    expect(await (await world.get("/", { cookie })).text()).toContain("waiting for you");
    const page = await (await world.get(`/sessions/${hands.sessionId}`, { cookie })).text();
    expect(page).toContain("rm -rf build \\u{202e}gnp.exe &lt;b>");
    const why = await world.get(`/api/sessions/${hands.sessionId}/waiting`, { cookie });
    expect(await why.json()).toMatchObject({ reason: "waits_for_person" });
    await hands.finish({ kind: "succeeded" });
  });
});

describe("the profile of a new session", () => {
  it("is one of those that the organisation has, the default first", async () => {
    const { profiles } = (await (await world.get("/api/profiles", { cookie })).json()) as {
      profiles: Array<{ name: string; about: string }>;
    };
    expect(profiles.map(({ name }) => name)).toEqual(["default", "careful"]);
    for (const { about } of profiles) expect(about).toMatch(/\.$/);
  });

  it("is chosen by name, and one that is not there is refused", async () => {
    const careful = await world.post("/api/sessions", { prompt: "x", profile: "careful" }, { cookie });
    expect(careful.status).toBe(201);
    const { policy } = await world.claimOne(await world.enrol("reader"));
    expect(policy).toMatchObject({ permissions: [{ permission: "bash", action: "ask" }, { permission: "edit" }] });
    const unknown = await world.post("/api/sessions", { prompt: "x", profile: "reckless" }, { cookie });
    expect(await reasonOf(unknown)).toEqual([400, "profile_unknown"]);
  });
});
