import { connect, createServer, type Socket } from "node:net";
import { systemClock } from "@open-cowork/contracts/clock";
import { openDatabase } from "@open-cowork/store/database/open";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readStream } from "./testing/read-stream.ts";
import { createWebWorld, type WebWorld } from "./testing/web-world.ts";

const deadlineMs = 700;

/** A way to Postgres that can fall silent, as a paused server or a cut network does: nothing arrives, nothing closes. */
function silenceableProxy(port: number, target: { host: string; port: number }) {
  const sockets = new Set<Socket>();
  let isSilent = false;
  const server = createServer((client) => {
    const upstream = connect(target);
    for (const [from, to] of [
      [client, upstream],
      [upstream, client],
    ] as const) {
      sockets.add(from);
      if (isSilent) from.pause();
      from.on("data", (bytes) => to.write(bytes));
      from.on("error", () => to.destroy());
      from.on("close", () => (sockets.delete(from), to.destroy()));
    }
  }).listen(port, "127.0.0.1");
  return {
    silence: (silent: boolean) => {
      isSilent = silent;
      for (const socket of sockets) void (silent ? socket.pause() : socket.resume());
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      server.close();
    },
  };
}

describe("while the database does not answer", () => {
  let world: WebWorld;
  let proxy: ReturnType<typeof silenceableProxy>;
  let cookie: string;
  beforeAll(async () => {
    const port = await freePort();
    world = await createWebWorld({
      openDatabase: (text) => {
        const url = new URL(text);
        proxy = silenceableProxy(port, { host: url.hostname, port: Number(url.port) });
        url.port = String(port);
        return openDatabase({
          url: url.href,
          applicationName: "web-through-proxy",
          deadlineMs,
          connections: 2,
          transactionPooler: false,
        });
      },
    });
    cookie = await world.signIn();
  });
  afterAll(async () => {
    proxy.silence(false);
    await world.close();
    proxy.close();
  });

  it("every request ends with a reason within the deadline, and the next ones work again", async () => {
    expect((await world.get("/api/sessions", { cookie })).status).toBe(200);
    proxy.silence(true);
    const startedMs = systemClock.monotonicMs();
    const [api, page] = await Promise.all([world.get("/api/sessions", { cookie }), world.get("/", { cookie })]);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(deadlineMs * 4);
    expect([api.status, api.headers.get("retry-after")]).toEqual([503, "2"]);
    expect(await api.json()).toMatchObject({ error: { reason: "database_unavailable", retryable: true } });
    expect(page.status).toBe(503);
    expect(await page.text()).toContain("The database did not answer in time");
    proxy.silence(false);
    await eventually("the door works again", async () => (await world.get("/api/sessions", { cookie })).status === 200);
  });

  it("a stream stays silent rather than call itself current, and goes on where it was", async () => {
    const sessionId = await world.wish("Before");
    const reader = readStream(await world.get(`/api/stream?topics=session:${sessionId}`, { cookie }));
    expect((await reader.nextNews())?.name).toBe("snapshot");
    proxy.silence(true);
    await world.enqueue(sessionId, "Meanwhile");
    expect((await world.get("/api/sessions", { cookie })).status).toBe(503);
    proxy.silence(false);
    expect(await reader.nextNews()).toMatchObject({
      name: "changes",
      data: { events: [{ payload: { text: "Meanwhile" } }] },
    });
    reader.leave();
  });
});
