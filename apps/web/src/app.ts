import { Hono } from "hono";
import type { Asset } from "./build/load-build.ts";
import { mountRoutes, type Door, type DoorApp } from "./door/mount-routes.ts";
import { assetRoutes } from "./routes/assets.ts";
import { deadLetterRoutes } from "./routes/dead-letters.ts";
import { decisionRoutes } from "./routes/decisions.ts";
import { pageRoutes } from "./routes/pages.ts";
import { sessionRoutes } from "./routes/sessions.ts";
import { signInRoutes } from "./routes/sign-in.ts";
import { streamRoutes } from "./routes/stream.ts";
import { workerRoutes } from "./routes/workers.ts";
import type { EventStreams } from "./streams/event-streams.ts";

/** The whole web service as one function from request to answer; what listens on a port is in server.ts. */
export function createApp(door: Door, assets: ReadonlyMap<string, Asset>, streams: EventStreams): DoorApp {
  const app: DoorApp = new Hono();
  mountRoutes(app, door, {
    ...assetRoutes(assets),
    ...pageRoutes(door),
    ...sessionRoutes(door),
    ...deadLetterRoutes(door),
    ...decisionRoutes(door),
    ...signInRoutes(door),
    ...streamRoutes(door, streams),
    ...workerRoutes(door),
  });
  return app;
}
