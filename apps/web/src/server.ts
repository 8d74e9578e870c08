import type { Server } from "node:http";
import { createAdaptorServer } from "@hono/node-server";
import { every, systemClock, within } from "@open-cowork/contracts/clock";
import type { WebConfig } from "@open-cowork/contracts/config/services";
import type { Database } from "@open-cowork/store/database/open";
import { StartRefused } from "@open-cowork/telemetry/run-service";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import { createApp } from "./app.ts";
import { loadBuild } from "./build/load-build.ts";
import type { PublicAddress } from "./door/public-address.ts";
import { RateLimit } from "./door/rate-limit.ts";
import { EventStreams } from "./streams/event-streams.ts";

export interface WebServer {
  close(): Promise<void>;
}

type ServerConfig = Pick<WebConfig, "host" | "port" | "proxyHops" | "maxStreams" | "shutdownGraceMs"> & {
  address: PublicAddress;
};

/** How long a request may take to arrive; its answer may take as long as it likes (an event stream never ends). */
const patience = { headersTimeout: 10_000, requestTimeout: 30_000, connectionsCheckingInterval: 5_000 };

/** The web service on its port, without the process around it. */
export async function startWebServer(
  config: ServerConfig,
  database: Database,
  telemetry: Telemetry,
): Promise<WebServer> {
  const { address } = config;
  const { pages, assets } = await loadBuild();
  const clock = systemClock;
  const streams = new EventStreams({ clock, maxStreams: config.maxStreams, telemetry });
  const rateLimit = new RateLimit(clock);
  const door = { address, clock, database, pages, proxyHops: config.proxyHops, rateLimit, telemetry };
  const app = createApp(door, assets, streams);
  const server = createAdaptorServer({ fetch: app.fetch, serverOptions: patience }) as Server;
  const inFlight = countRequests(server);
  try {
    streams.listen(database);
    await listen(server, config);
  } catch (error) {
    streams.close();
    throw error;
  }
  return {
    // Streams end first: they would hold their connections open for as long as anyone watches.
    close: async () => {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      streams.close();
      // Browsers keep connections after an answer and open some before they ask; neither holds up the end.
      const stopSweeping = every(20, () => {
        if (inFlight() === 0) server.closeAllConnections();
      });
      await within(config.shutdownGraceMs / 2, "the last requests", closed).catch(() => server.closeAllConnections());
      stopSweeping();
    },
  };
}

function countRequests(server: Server): () => number {
  let count = 0;
  server.on("request", (_, response) => {
    count++;
    response.once("close", () => count--);
  });
  return () => count;
}

async function listen(server: Server, at: { host: string; port: number }): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(refusalFor(error, at)));
    server.listen(at.port, at.host, resolve);
  });
}

function refusalFor(error: NodeJS.ErrnoException, at: { host: string; port: number }): Error {
  if (error.code === "EADDRINUSE") {
    return new StartRefused([`the port ${at.host}:${at.port} is taken: set OPEN_COWORK_CLOUD_PORT to a free one.`]);
  }
  if (error.code === "EADDRNOTAVAIL") {
    return new StartRefused([`this machine has no address ${at.host}: set OPEN_COWORK_CLOUD_HOST to one that it has.`]);
  }
  return error;
}
