import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startOpsServer } from "./ops-server.ts";
import { setUpTelemetry } from "./set-up.ts";

describe("the operator's port", () => {
  const telemetry = setUpTelemetry({ role: "scheduler", version: "0.0.0", logLevel: "error", otlpUrl: undefined });
  let ready: () => Promise<{ ok: true } | { ok: false; reason: string }> = async () => ({ ok: true });
  let ops: { port: number; close(): Promise<void> };
  const get = (path: string, method = "GET") => fetch(`http://127.0.0.1:${ops.port}${path}`, { method });

  beforeAll(async () => {
    ops = await startOpsServer({ host: "127.0.0.1", port: 0, telemetry, ready: () => ready() });
  });
  afterAll(async () => {
    await ops.close();
    await telemetry.close();
  });

  it("says that the process is alive whatever else is wrong", async () => {
    ready = async () => ({ ok: false, reason: "the database is away" });
    expect((await get("/livez")).status).toBe(200);
  });

  it("is ready only while the service says so, and tells the reason", async () => {
    ready = async () => ({ ok: true });
    expect((await get("/readyz")).status).toBe(200);
    ready = async () => ({ ok: false, reason: "the database is away" });
    const answer = await get("/readyz");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toBe("not ready: the database is away\n");
  });

  it("takes a check that throws, or never answers, for not ready", async () => {
    ready = async () => {
      throw new Error("no route to the database");
    };
    expect(await (await get("/readyz")).text()).toBe("not ready: no route to the database\n");
    ready = () => new Promise(() => {});
    const answer = await get("/readyz");
    expect(answer.status).toBe(503);
    expect(await answer.text()).toMatch(/readiness did not answer within \d+ ms/);
  });

  it("serves metrics as Prometheus text", async () => {
    const answer = await get("/metrics?x=1");
    expect(answer.headers.get("content-type")).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(await answer.text()).toContain("cowork_process_resident_bytes");
  });

  it("has nothing else", async () => {
    expect((await get("/")).status).toBe(404);
    expect((await get("/constructor")).status).toBe(404);
    expect((await get("/metrics", "POST")).status).toBe(405);
  });
});
