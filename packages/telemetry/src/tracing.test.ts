import { createServer, type Server } from "node:http";
import { once } from "node:events";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { systemClock } from "@open-cowork/contracts/clock";
import type { Role } from "@open-cowork/contracts/metrics";
import { setUpTelemetry, type Telemetry } from "./set-up.ts";

interface SentSpan {
  name: string;
  traceId: string;
  spanId: string;
  parentSpanId?: string;
  status: { code?: number; message?: string };
  attributes: Array<{ key: string; value: Record<string, unknown> }>;
}

interface Collector {
  url: string;
  spans: () => Array<SentSpan & { service: string }>;
  metrics: () => string[];
}

const servers: Server[] = [];
afterEach(() => {
  for (const server of servers.splice(0)) {
    server.close();
    server.closeAllConnections();
  }
});

/** A real OTLP/HTTP receiver (JSON): the bytes that a collector would get, over a socket. */
async function startCollector(): Promise<Collector> {
  const bodies: Record<string, unknown[]> = { "/v1/traces": [], "/v1/metrics": [] };
  const server = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on("data", (chunk: Buffer) => chunks.push(chunk));
    request.on("end", () => {
      bodies[request.url!]?.push(JSON.parse(Buffer.concat(chunks).toString()));
      response.writeHead(200, { "content-type": "application/json" }).end("{}");
    });
  });
  servers.push(server);
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    spans: () =>
      (bodies["/v1/traces"] as TraceBody[]).flatMap(({ resourceSpans }) =>
        resourceSpans.flatMap(({ resource, scopeSpans }) => {
          const service = String(resource.attributes.find(({ key }) => key === "service.name")?.value["stringValue"]);
          return scopeSpans.flatMap(({ spans }) => spans.map((span) => ({ ...span, service })));
        }),
      ),
    metrics: () =>
      (bodies["/v1/metrics"] as MetricBody[]).flatMap(({ resourceMetrics }) =>
        resourceMetrics.flatMap(({ scopeMetrics }) =>
          scopeMetrics.flatMap(({ metrics }) => metrics.map(({ name }) => name)),
        ),
      ),
  };
}

interface TraceBody {
  resourceSpans: Array<{ resource: Pick<SentSpan, "attributes">; scopeSpans: Array<{ spans: SentSpan[] }> }>;
}
interface MetricBody {
  resourceMetrics: Array<{ scopeMetrics: Array<{ metrics: Array<{ name: string }> }> }>;
}

function setUp(role: Role, otlpUrl: string | undefined): Telemetry {
  return setUpTelemetry({ role, version: "0.0.0", logLevel: "error", otlpUrl });
}

describe("a trace", () => {
  it("joins web and worker through the traceparent that a row carries", async () => {
    const collector = await startCollector();
    const web = setUp("web", collector.url);
    const worker = setUp("worker", collector.url);

    const row = await web.span("createPrompt", {}, async ({ traceparent }) => ({ traceparent }));
    await worker.span("attempt", { parent: row.traceparent, attributes: { attempt: 1 } }, () =>
      worker.span("runtime turn", {}, async (span) => span.set("tokens", 3)),
    );
    await Promise.all([web.close(), worker.close()]);

    const [prompt, attempt, turn] = ["createPrompt", "attempt", "runtime turn"].map((name) =>
      collector.spans().find((span) => span.name === name)!,
    );
    expect([prompt!.service, attempt!.service, turn!.service]).toEqual([
      "cowork-web",
      "cowork-worker",
      "cowork-worker",
    ]);
    expect(row.traceparent).toBe(`00-${prompt!.traceId}-${prompt!.spanId}-01`);
    expect([attempt!.traceId, turn!.traceId]).toEqual([prompt!.traceId, prompt!.traceId]);
    expect(attempt!.parentSpanId).toBe(prompt!.spanId);
    expect(turn!.parentSpanId).toBe(attempt!.spanId);
    expect(turn!.attributes).toEqual([{ key: "tokens", value: { intValue: 3 } }]);
    expect(collector.metrics()).toContain("cowork_process_resident_bytes");
  });

  it("stays with its own work when many run at once", async () => {
    const collector = await startCollector();
    const web = setUp("web", collector.url);
    await Promise.all(
      Array.from({ length: 50 }, (_, at) =>
        web.span(`outer ${at}`, {}, async () => {
          await systemClock.sleep(at % 7);
          await web.span(`inner ${at}`, {}, async () => {});
        }),
      ),
    );
    await web.close();
    const spans = collector.spans();
    expect(spans).toHaveLength(100);
    for (let at = 0; at < 50; at += 1) {
      const outer = spans.find((span) => span.name === `outer ${at}`)!;
      expect(spans.find((span) => span.name === `inner ${at}`)!.parentSpanId).toBe(outer.spanId);
    }
  });

  it("starts anew on a parent that is not a traceparent", async () => {
    const collector = await startCollector();
    const web = setUp("web", collector.url);
    for (const parent of ["", "garbage", `00-${"0".repeat(32)}-${"0".repeat(16)}-01`]) {
      await web.span("createPrompt", { parent }, async () => {});
    }
    await web.close();
    expect(collector.spans().map((span) => span.parentSpanId ?? "")).toEqual(["", "", ""]);
  });

  it("marks what failed, passes the error on, and holds no secret", async () => {
    const collector = await startCollector();
    const web = setUp("web", collector.url);
    const secret = "postgres://cowork:hunter2@127.0.0.1/x";
    const failing = web.span("query", { attributes: { url: secret } }, async () => {
      throw new TypeError(`broke on ${secret}`);
    });
    await expect(failing).rejects.toThrow(TypeError);
    await web.span("attempt", {}, async (span) => span.fail(`provider said ${secret}`));
    await web.close();
    expect(collector.spans().map((span) => span.status.code)).toEqual([2, 2]);
    expect(collector.spans()[0]!.status.message).toBe("TypeError");
    expect(JSON.stringify(collector.spans())).not.toContain("hunter2");
  });

  it("is known to the log lines inside of it", async () => {
    const lines: string[] = [];
    const logTo = { write: (line: string) => void lines.push(line) };
    const web = setUpTelemetry({ role: "web", version: "0.0.0", logLevel: "info", otlpUrl: undefined, logTo });
    const traceparent = await web.span("request", {}, async (span) => {
      await systemClock.sleep(1);
      web.log.info("inside");
      return span.traceparent;
    });
    web.log.info("outside");
    const [inside, outside] = lines.map((line) => JSON.parse(line) as Record<string, string>);
    expect(`00-${inside!["trace_id"]}-${inside!["span_id"]}-01`).toBe(traceparent);
    expect(outside).not.toHaveProperty("trace_id");
    await web.close();
  });

  it("is dropped when the collector is away, and the service stops in time all the same", async () => {
    const web = setUp("web", "http://127.0.0.1:9");
    web.log.level = "silent";
    await web.span("request", {}, async () => {});
    const before = systemClock.monotonicMs();
    await web.close();
    expect(systemClock.monotonicMs() - before).toBeLessThan(4_000);
  });
});
