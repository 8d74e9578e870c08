import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { within } from "@open-cowork/contracts/clock";
import { StartRefused } from "./run-service.ts";
import type { Telemetry } from "./set-up.ts";

type Readiness = { ok: true } | { ok: false; reason: string };

const answerMs = 3_000;

/** The operator's port: no authentication, so it listens where only operators are (127.0.0.1 by default). */
export async function startOpsServer(options: {
  host: string;
  port: number;
  telemetry: Telemetry;
  ready: () => Promise<Readiness>;
}): Promise<{ port: number; close(): Promise<void> }> {
  const { telemetry } = options;
  const routes: Record<string, (response: ServerResponse) => Promise<void>> = {
    // Alive means that this process still turns its event loop; anything more would restart it for others' faults.
    "/livez": async (response) => answer(response, 200, "alive\n"),
    "/readyz": async (response) => {
      const readiness = await within(answerMs, "readiness", options.ready()).catch(notReady);
      if (readiness.ok) answer(response, 200, "ready\n");
      else answer(response, 503, `not ready: ${readiness.reason}\n`);
    },
    "/metrics": async (response) => {
      const text = await within(answerMs, "metrics", telemetry.metricsText());
      answer(response, 200, text, "text/plain; version=0.0.4; charset=utf-8");
    },
  };
  const server = createServer({ requestTimeout: 5_000, headersTimeout: 5_000 }, (request, response) => {
    const route = routes[(request.url ?? "").split("?")[0]!];
    if (!route) return answer(response, 404, "not found\n");
    if (request.method !== "GET") return answer(response, 405, "GET only\n");
    route(response).catch((error: unknown) => {
      telemetry.log.error({ err: error, path: request.url }, "the operator's port could not answer");
      answer(response, 500, "something broke; see the log\n");
    });
  });
  server.maxConnections = 64;

  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(refusalFor(error, options)));
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function answer(response: ServerResponse, status: number, text: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(text);
}

function notReady(error: unknown): Readiness {
  return { ok: false, reason: error instanceof Error ? error.message : "the check failed" };
}

function refusalFor(error: NodeJS.ErrnoException, at: { host: string; port: number }): Error {
  if (error.code !== "EADDRINUSE") return error;
  return new StartRefused([
    `the operator's port ${at.host}:${at.port} is taken: set OPEN_COWORK_CLOUD_OPS_PORT to a free one`,
  ]);
}
