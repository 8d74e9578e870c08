import { once } from "node:events";
import http from "node:http";
import { text } from "node:stream/consumers";
import type { ErrorBody } from "@open-cowork/contracts/http";
import { limits } from "@open-cowork/contracts/timings";
import { newId } from "@open-cowork/contracts/ids";
import { routes } from "@open-cowork/contracts/routes";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWebWorld, type WebWorld } from "./testing/web-world.ts";

let world: WebWorld;
let cookie: string;
beforeAll(async () => {
  world = await createWebWorld();
  cookie = await world.signIn();
});
afterAll(() => world.close());

async function errorOf(answer: Response): Promise<ErrorBody["error"]> {
  expect(answer.headers.get("content-type")).toContain("application/json");
  return ((await answer.json()) as ErrorBody).error;
}

const heartbeatBody = (seq: number) => ({
  bootId: newId(),
  seq,
  versions: { worker: "0.1.0" },
  capabilities: [],
  load: { lanes: 4, busy: 0 },
  activeWorkIds: [],
  draining: false,
  lastError: null,
});

describe("signing in", () => {
  it("shows a button for a link and does not consume it by looking", async () => {
    const token = await world.signInToken();
    for (let look = 0; look < 2; look++) {
      const page = await world.get(`/sign-in?token=${token}`);
      expect(page.status).toBe(200);
      expect(page.headers.get("referrer-policy")).toBe("no-referrer");
      expect(await page.text()).toContain(`name="token" value="${token}"`);
    }
    const headers = { "content-type": "application/x-www-form-urlencoded", origin: world.origin };
    const used = await fetch(`${world.origin}/sign-in`, {
      method: "POST",
      headers,
      body: `token=${token}`,
      redirect: "manual",
    });
    expect([used.status, used.headers.get("location")]).toEqual([303, "/"]);
    expect(used.headers.get("set-cookie")).toMatch(
      /^open_cowork_\d+=\S+; Path=\/; Expires=[^;]+; HttpOnly; SameSite=Lax$/,
    );

    const again = await fetch(`${world.origin}/sign-in`, {
      method: "POST",
      headers,
      body: `token=${token}`,
      redirect: "manual",
    });
    expect([again.status, again.headers.get("set-cookie")]).toEqual([401, null]);
    expect(await again.text()).toContain("This link does not work");
  });

  it("is asked for by pages with a redirect, and by the API with 401", async () => {
    const page = await world.get("/");
    expect([page.status, page.headers.get("location")]).toEqual([303, "/sign-in"]);
    const api = await world.get("/api/sessions");
    expect(api.status).toBe(401);
    expect(await errorOf(api)).toMatchObject({ reason: "not_signed_in", retryable: false });
  });

  it("ends the session that the browser had before", async () => {
    const former = await world.signIn();
    const again = await fetch(`${world.origin}/sign-in`, {
      method: "POST",
      headers: { cookie: former, origin: world.origin },
      body: new URLSearchParams({ token: await world.signInToken() }),
      redirect: "manual",
    });
    expect(again.status).toBe(303);
    expect((await world.get("/", { cookie: former })).status).toBe(303);
  });

  it("ends when the browser signs out", async () => {
    const other = await world.signIn();
    expect((await world.get("/", { cookie: other })).status).toBe(200);
    const left = await world.post("/sign-out", {}, { cookie: other });
    expect([left.status, left.headers.get("location")]).toEqual([303, "/sign-in"]);
    expect((await world.get("/", { cookie: other })).status).toBe(303);
  });
});

describe("the door", () => {
  it("puts the security headers and a request id on every answer", async () => {
    for (const path of ["/sign-in", "/api/sessions", "/nowhere", "/api/nowhere"]) {
      const { headers } = await world.get(path);
      expect(headers.get("content-security-policy")).toBe(
        "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; " +
          "form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
      );
      expect(headers.get("x-content-type-options")).toBe("nosniff");
      expect(headers.get("x-request-id")).toMatch(/^[0-9a-f-]{36}$/);
    }
  });

  it("does not answer to a foreign Host, however it got here", async () => {
    // fetch() would not send it; a browser that was rebound does.
    const request = http.get(`${world.origin}/api/sessions`, { headers: { cookie, host: "evil.example" } });
    const [answer] = (await once(request, "response")) as [http.IncomingMessage];
    expect([answer.statusCode, JSON.parse(await text(answer))]).toMatchObject([
      403,
      { error: { reason: "host_not_allowed" } },
    ]);
  });

  it("takes no write from another site, in spite of the cookie", async () => {
    for (const headers of [{ origin: "https://evil.example" }, { "sec-fetch-site": "cross-site" }]) {
      const answer = await world.post("/api/sessions", { title: "x" }, { cookie, ...headers });
      expect(await errorOf(answer)).toMatchObject({ reason: "cross_site_request" });
    }
  });

  it("answers an unknown address in the one shape: JSON below /api, a page otherwise", async () => {
    const api = await world.get("/api/nowhere");
    expect([api.status, (await errorOf(api)).reason]).toEqual([404, "not_found"]);
    const page = await world.get("/nowhere");
    expect([page.status, page.headers.get("content-type")]).toEqual([404, "text/html; charset=utf-8"]);
    expect(await page.text()).toContain("There is nothing here that you may see.");
  });

  it("refuses a body that is too large without reading it to the end", async () => {
    const answer = await world.post("/api/sessions", { title: "x".repeat(limits.requestBytes) }, { cookie });
    expect([answer.status, (await errorOf(answer)).reason]).toEqual([413, "body_too_large"]);
  });

  it("refuses text that the database can't keep, by API and by form", async () => {
    const written = await world.post("/api/sessions", { prompt: "a\0b" }, { cookie });
    expect([written.status, (await errorOf(written)).reason]).toEqual([400, "invalid_request"]);
    const half = await world.post("/api/sessions", { title: "\ud800" }, { cookie });
    expect(half.status).toBe(400);
    const form = await fetch(`${world.origin}/sessions`, {
      method: "POST",
      headers: { cookie, origin: world.origin },
      body: new URLSearchParams({ prompt: "a\0b" }),
    });
    expect(form.status).toBe(400);
    const escaped = await world.post("/api/sessions", { title: String.raw`what does \u0000 mean?` }, { cookie });
    expect(escaped.status).toBe(201);
  });

  it("lets a viewer read and not write", async () => {
    const viewer = await world.signIn();
    const setRole = (role: "viewer" | "owner") =>
      world.owner.db
        .updateTable("cowork.memberships")
        .set({ role })
        .where("user_id", "=", world.actor.userId)
        .execute();
    await setRole("viewer");
    try {
      expect((await world.get("/api/sessions", { cookie: viewer })).status).toBe(200);
      const write = await world.post("/api/sessions", { title: "x" }, { cookie: viewer });
      expect([write.status, (await errorOf(write)).reason]).toEqual([403, "forbidden"]);
      expect(await (await world.get("/", { cookie: viewer })).text()).not.toContain("<textarea");
    } finally {
      await setRole("owner");
    }
  });

  it("names routes in its metrics, never addresses", async () => {
    await world.get("/sign-in?token=cws_secret");
    const metrics = await world.metrics();
    expect(metrics).toMatch(/cowork_http_request_seconds_count\{[^}]*route="signInPage"/);
    expect(metrics).toMatch(/cowork_refusals_total\{[^}]*reason="not_signed_in"/);
    expect(metrics).not.toContain("cws_secret");
  });
});

describe("the sessions API", () => {
  it("creates a session with its first prompt, which is then there to be claimed in the same trace", async () => {
    const traceId = "0af7651916cd43dd8448eb211c80319c";
    const traceparent = `00-${traceId}-b7ad6b7169203331-01`;
    const answer = await world.post("/api/sessions", { prompt: "Say hello" }, { cookie, traceparent });
    expect(answer.status).toBe(201);
    const session = (await answer.json()) as { sessionId: string };
    expect(session).toMatchObject({ title: "Say hello", status: "open", lastCommandStatus: "waiting" });
    const worker = await world.enrol("hands");
    const claimed = await world.claimOne(worker);
    expect(claimed.lease.sessionId).toBe(session.sessionId);
    expect(claimed.traceparent).toContain(traceId);
    const found = await world.get(`/api/sessions/${session.sessionId}`, { cookie });
    expect(await found.json()).toMatchObject({ sessionId: session.sessionId, lastCommandStatus: "working" });
  });

  it("takes further prompts, and stops what waits", async () => {
    const sessionId = await world.wish();
    const prompted = await world.post(`/api/sessions/${sessionId}/prompts`, { text: "And then?" }, { cookie });
    expect(prompted.status).toBe(202);
    expect(await prompted.json()).toMatchObject({ sessionId, commandSeq: 2 });
    const stopped = await world.post(`/api/sessions/${sessionId}/stop`, {}, { cookie });
    expect(await stopped.json()).toEqual({ cancelled: 2, signalled: false });
    const again = await world.post(`/api/sessions/${sessionId}/stop`, {}, { cookie });
    expect([again.status, (await errorOf(again)).reason]).toEqual([409, "nothing_to_stop"]);
  });

  it("says what does not fit, by path", async () => {
    const wrong = await world.post("/api/sessions", { prompt: 7, colour: "red" }, { cookie });
    expect(wrong.status).toBe(400);
    const { reason, details } = await errorOf(wrong);
    expect(reason).toBe("invalid_request");
    expect(details).toEqual(expect.arrayContaining([{ path: "prompt", message: expect.stringContaining("string") }]));
    const noJson = await world.post("/api/sessions", {}, { cookie, "content-type": "text/plain" });
    expect(noJson.status).toBe(400);
  });

  it("hides what is not there and what is no id alike", async () => {
    for (const id of [newId(), "not-an-id"]) {
      expect((await world.get(`/api/sessions/${id}`, { cookie })).status).toBe(404);
      expect((await world.post(`/api/sessions/${id}/prompts`, { text: "x" }, { cookie })).status).toBe(404);
      expect((await world.get(`/sessions/${id}`, { cookie })).status).toBe(404);
    }
  });

  it("lists in pages that neither repeat nor leave out a session", async () => {
    for (let n = 0; n < 3; n++) await world.wish(`Number ${n}`);
    const seen: string[] = [];
    let path = "/api/sessions?limit=2";
    for (;;) {
      const page = (await (await world.get(path, { cookie })).json()) as {
        sessions: Array<{ sessionId: string }>;
        nextCursor: string | null;
      };
      seen.push(...page.sessions.map((session) => session.sessionId));
      if (!page.nextCursor) break;
      path = `/api/sessions?limit=2&before=${encodeURIComponent(page.nextCursor)}`;
    }
    expect(seen.length).toBeGreaterThanOrEqual(3);
    expect(new Set(seen).size).toBe(seen.length);
    expect((await world.get("/api/sessions?limit=0", { cookie })).status).toBe(400);
  });
});

describe("forms without a script", () => {
  const form = (path: string, fields: Record<string, string>) =>
    fetch(world.origin + path, {
      method: "POST",
      redirect: "manual",
      headers: { cookie, origin: world.origin },
      body: new URLSearchParams(fields),
    });

  it("create a session, prompt it, stop it, and the page shows each as text", async () => {
    const created = await form("/sessions", { prompt: "Write <b>bold</b>\r\nplease" });
    expect(created.status).toBe(303);
    const path = created.headers.get("location")!;
    expect(await (await world.get(path, { cookie })).text()).toContain("Write &lt;b>bold&lt;/b>\nplease");
    const prompted = await form(`${path}/prompts`, { text: "More" });
    expect([prompted.status, prompted.headers.get("location")]).toEqual([303, `${path}#newest`]);
    expect((await form(`${path}/stop`, {})).status).toBe(303);
    expect((await form(`${path}/stop`, {})).status).toBe(303);
    expect(await (await world.get(path, { cookie })).text()).toContain("stopped");
  });
});

describe("a worker's heartbeat over HTTP", () => {
  it("is the same verb as in the database, and needs the worker's credential and nothing of a browser", async () => {
    const worker = await world.enrol("remote");
    const path = `/api/workers/${worker.workerId}/heartbeat`;
    const send = (authorization: string, sent: unknown) =>
      fetch(world.origin + path, {
        method: "POST",
        headers: { authorization, "content-type": "application/json" },
        body: JSON.stringify(sent),
      });
    const beaten = await send(`Bearer ${worker.credential}`, { ...heartbeatBody(1), bootId: worker.bootId });
    expect(await beaten.json()).toEqual({ status: "active" });
    const repeated = await send(`Bearer ${worker.credential}`, { ...heartbeatBody(1), bootId: worker.bootId });
    expect([repeated.status, await repeated.json()]).toEqual([200, { status: "active" }]);
    const other = { ...heartbeatBody(1), bootId: worker.bootId, draining: true };
    const stale = await send(`Bearer ${worker.credential}`, other);
    expect([stale.status, (await errorOf(stale)).reason]).toEqual([409, "heartbeat_out_of_order"]);
    const wrong = await send("Bearer cww_this-is-not-a-credential", heartbeatBody(1));
    expect([wrong.status, (await errorOf(wrong)).reason]).toEqual([401, "credential_invalid"]);
  });
});

// Last, because it uses up what its address may do.
describe("the rate limit", () => {
  it("is the route's own, and says when to come back", async () => {
    const attempts = Array.from({ length: routes.signIn.ratePerMinute + 1 }, () => world.post("/sign-in", {}));
    const limited = (await Promise.all(attempts)).filter((answer) => answer.status === 429);
    expect(limited.length).toBeGreaterThan(0);
    expect(Number(limited[0]!.headers.get("retry-after"))).toBeGreaterThan(0);
    expect((await world.get("/sign-in")).status).toBe(200);
  });

  it("also meets a caller who shows another made-up credential each time, before the database does", async () => {
    const beat = async (n: number) =>
      fetch(`${world.origin}/api/workers/${newId()}/heartbeat`, {
        method: "POST",
        headers: { authorization: `Bearer cww_made-up-credential-${n}`, "content-type": "application/json" },
        body: JSON.stringify(heartbeatBody(1)),
      });
    const evidence = () =>
      world.owner.db
        .selectFrom("cowork.audit")
        .select((eb) => eb.fn.countAll<number>().as("rows"))
        .where("reason", "=", "credential_invalid")
        .executeTakeFirstOrThrow();
    let tried = 0;
    while ((await beat(tried)).status !== 429) expect(++tried).toBeLessThanOrEqual(200);
    const { rows } = await evidence();
    expect((await beat(tried)).status).toBe(429);
    expect((await world.get("/", { cookie: "nothing=1" })).status).toBe(429);
    expect(await evidence()).toEqual({ rows });
  });
});
