import { createServer, request, type IncomingMessage, type RequestListener, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { Secret } from "@open-cowork/secrets/secret";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { startBroker, type Broker } from "./broker.ts";
import type { BrokerLimits } from "./forward.ts";

const key = "sk-the-providers-own-key";
const token = "cwk_token-of-this-test";
let provider: Server | null = null;
let broker: Broker;
let baseUrl: string;
let outcomes: string[];

afterEach(async () => {
  await broker.close();
  provider?.closeAllConnections();
  provider?.close();
  provider = null;
});

async function setUp(answer: RequestListener | null, limits: Partial<BrokerLimits> = {}): Promise<void> {
  let port = await freePort();
  if (answer) {
    provider = createServer(answer);
    await new Promise<void>((resolve) => provider!.listen(0, "127.0.0.1", resolve));
    port = (provider.address() as AddressInfo).port;
  }
  outcomes = [];
  const onRequest = (outcome: string) => void outcomes.push(outcome);
  broker = startBroker({ upstream: `http://127.0.0.1:${port}/v1`, apiKey: new Secret(key), onRequest, limits });
  broker.admit(token);
  baseUrl = `http://127.0.0.1:${(await broker.openDoor(null)).port}/v1`;
}

const post = (more: RequestInit & { token?: string } = {}) =>
  fetch(`${baseUrl}/chat/completions?beta=1`, {
    method: "POST",
    body: `{"model":"demo"}`,
    headers: {
      authorization: `Bearer ${more.token ?? token}`,
      "content-type": "application/json",
      "x-session-id": "ses_1",
    },
    ...more,
  });

describe("the model broker", () => {
  it("passes a request on with the provider's key in place of its own token", async () => {
    const seen: Array<{ url?: string | undefined; headers: IncomingMessage["headers"]; body: string }> = [];
    await setUp((request, response) => {
      let body = "";
      request.on("data", (chunk: Buffer) => (body += chunk.toString()));
      request.on("end", () => {
        seen.push({ url: request.url, headers: request.headers, body });
        response.writeHead(200, { "content-type": "text/event-stream" }).end("data: done\n\n");
      });
    });
    const response = await post();
    expect([response.status, await response.text()]).toEqual([200, "data: done\n\n"]);
    expect(seen).toMatchObject([{ url: "/v1/chat/completions?beta=1", body: `{"model":"demo"}` }]);
    expect(seen[0]!.headers).toMatchObject({
      authorization: `Bearer ${key}`,
      "accept-encoding": "identity",
      "x-session-id": "ses_1",
    });
    expect(JSON.stringify(seen)).not.toContain(token);
    expect(outcomes).toEqual(["ok"]);
  });

  it("opens for a token only while it is admitted, and says so in JSON", async () => {
    await setUp((_request, response) => response.end("{}"));
    for (const wrong of ["cwk_other", "", key]) expect((await post({ token: wrong })).status).toBe(401);
    broker.dismiss(token);
    const response = await post();
    expect(response.status).toBe(401);
    expect(await response.json()).toMatchObject({ error: { message: expect.stringContaining("lease") as string } });
    expect(new Set(outcomes)).toEqual(new Set(["refused"]));
  });

  it("cuts off what a token has opened when it is dismissed", async () => {
    let left = false;
    await setUp((_request, response) => {
      response.once("close", () => (left = true));
      response.writeHead(200).write("first");
    });
    const reader = (await post()).body!.getReader();
    await reader.read();
    broker.dismiss(token);
    await expect(reader.read()).rejects.toThrow();
    await eventually("the provider is left", () => left);
  });

  it.each(["/files", "/chat/completions/../../admin", "/%2e%2e/admin", "/chat/completions%2f..%2fx", "/models"])(
    "opens no other door of the provider (%s)",
    async (path) => {
      const asked: unknown[] = [];
      await setUp((request, response) => {
        asked.push(request.url);
        response.end("{}");
      });
      const { hostname, port } = new URL(baseUrl);
      // Not by fetch, which would straighten the path before it sends it.
      const status = await new Promise((resolve, reject) => {
        const headers = { authorization: `Bearer ${token}` };
        request({ hostname, port, path: `/v1${path}`, method: "POST", headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        })
          .once("error", reject)
          .end("{}");
      });
      expect([status, asked]).toEqual([404, []]);
    },
  );

  it("never lets the key out, wherever the provider's stream is cut", async () => {
    const text = `before ${key} after`;
    for (let cut = 0; cut <= text.length; cut += 3) {
      await setUp((_request, response) => {
        response.writeHead(200, { "x-echo": key });
        response.write(text.slice(0, cut));
        setImmediate(() => response.end(text.slice(cut)));
      });
      const response = await post();
      expect(response.headers.get("x-echo")).toBe("[secret]");
      expect(await response.text()).toBe("before [secret] after");
      await broker.close();
      provider?.closeAllConnections();
    }
  });

  it("is exact to the byte where there is no key, and hands each piece on as it comes", async () => {
    let more: (() => void) | undefined;
    await setUp((_request, response) => {
      response.writeHead(200);
      response.write(Buffer.from([0, 255, 195, 10]));
      more = () => response.end(Buffer.from([128, 13]));
    });
    const reader = (await post()).body!.getReader();
    expect([...(await reader.read()).value!]).toEqual([0, 255, 195, 10]);
    more!();
    expect([...(await reader.read()).value!]).toEqual([128, 13]);
  });

  it("keeps the provider's status, so that a refusal and an outage stay apart", async () => {
    const statuses = [401, 429, 503, 400];
    const left = [...statuses];
    await setUp((_request, response) =>
      response.writeHead(left.shift()!, { "retry-after": "7" }).end(`{"error":"${key}"}`),
    );
    for (const status of statuses) {
      const response = await post();
      expect([response.status, response.headers.get("retry-after"), await response.text()]).toEqual([
        status,
        "7",
        `{"error":"[secret]"}`,
      ]);
    }
    expect(outcomes).toEqual(["rejected", "unavailable", "unavailable", "rejected"]);
  });

  it("answers 502 when the provider is not there, and breaks a stream that falls silent", async () => {
    await setUp(null);
    expect((await post()).status).toBe(502);
    expect(outcomes).toEqual(["unavailable"]);
    await broker.close();
    await setUp((_request, response) => void response.writeHead(200).write("some"), { idleMs: 50 });
    await expect((await post()).text()).rejects.toThrow();
    await eventually("the break is counted", () => outcomes.includes("broken"));
  });

  it("ends the provider's stream when the engine leaves", async () => {
    let left = false;
    await setUp((_request, response) => {
      response.once("close", () => (left = true));
      response.writeHead(200).write("first");
    });
    const leaving = new AbortController();
    const reader = (await post({ signal: leaving.signal })).body!.getReader();
    await reader.read();
    leaving.abort();
    await eventually("the provider is left", () => left);
    await eventually("it is counted", () => outcomes.includes("left"));
  });

  it("bounds a request's body", async () => {
    await setUp((request, response) => request.resume().on("end", () => response.end("{}")), { bodyBytes: 1_000 });
    expect((await post({ body: "x".repeat(1_001) })).status).toBe(413);
    expect((await post({ body: "x".repeat(1_000) })).status).toBe(200);
    expect(outcomes).toEqual(["too_large", "ok"]);
  });
});
