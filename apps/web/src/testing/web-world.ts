import { createToken, hashToken } from "@open-cowork/secrets/token";
import type { Actor } from "@open-cowork/store/database/in-org";
import type { Database } from "@open-cowork/store/database/open";
import { createSignInLink } from "@open-cowork/store/identity/create-sign-in-link";
import { createWorld, type World } from "@open-cowork/store/testing/world";
import { setUpTelemetry, type Telemetry } from "@open-cowork/telemetry/set-up";
import { freePort } from "@open-cowork/testkit/free-port";
import { publicAddressOf } from "../door/public-address.ts";
import { startWebServer, type WebServer } from "../server.ts";

/** A plane with its web service on a real port: what the suites of this room stand on. */
export interface WebWorld extends World {
  readonly origin: string;
  /** A fresh one-time sign-in link's token; the owner's, unless told otherwise. */
  signInToken(as?: Actor): Promise<string>;
  /** Signs a new browser in and returns its Cookie header. */
  signIn(as?: Actor): Promise<string>;
  get(path: string, headers?: Record<string, string>): Promise<Response>;
  /** A write as a browser on our own page makes it. */
  post(path: string, body: unknown, headers?: Record<string, string>): Promise<Response>;
  metrics(): Promise<string>;
  stopServer(): Promise<void>;
  startServer(): Promise<void>;
  close(): Promise<void>;
}

interface Settings {
  maxStreams?: number;
  /** A way of its own to the database, for suites that disturb it. */
  openDatabase?: (url: string) => Database;
}

export async function createWebWorld(settings: Settings = {}): Promise<WebWorld> {
  const world = await createWorld();
  const database = settings.openDatabase?.(world.urls.web) ?? world.as.web;
  const listen = { host: "127.0.0.1", port: await freePort() };
  const answer = publicAddressOf(listen);
  if (!answer.ok) throw new Error(answer.problem);
  const { address } = answer;
  const { origin } = address;
  const config = { ...listen, address, proxyHops: 0, maxStreams: settings.maxStreams ?? 100, shutdownGraceMs: 4_000 };
  // Each life of the server has telemetry of its own, as each process has.
  const start = async (): Promise<{ web: WebServer; telemetry: Telemetry }> => {
    const telemetry = setUpTelemetry({ role: "web", version: "test", logLevel: "error", otlpUrl: undefined });
    return { web: await startWebServer(config, database, telemetry), telemetry };
  };
  let running: Awaited<ReturnType<typeof start>> | null = await start();

  const stopServer = async () => {
    await running?.web.close();
    await running?.telemetry.close();
    running = null;
  };
  const send = (path: string, init: RequestInit) => fetch(origin + path, { redirect: "manual", ...init });
  const signInToken = async (as: Actor = world.actor) => {
    const token = createToken("signin");
    await createSignInLink(world.owner.db, { ...as, linkHash: hashToken(token), validMinutes: 5 });
    return token;
  };
  return {
    ...world,
    origin,
    signInToken,
    signIn: async (as) => {
      const answer = await send("/sign-in", {
        method: "POST",
        headers: { origin },
        body: new URLSearchParams({ token: await signInToken(as) }),
      });
      return answer.headers.getSetCookie()[0]!.split(";")[0]!;
    },
    get: (path, headers = {}) => send(path, { headers }),
    post: (path, body, headers = {}) =>
      send(path, {
        method: "POST",
        headers: { origin, "content-type": "application/json", ...headers },
        body: JSON.stringify(body),
      }),
    metrics: async () => (await running?.telemetry.metricsText()) ?? "",
    stopServer,
    startServer: async () => {
      running = await start();
    },
    close: async () => {
      await stopServer();
      if (database !== world.as.web) await database.close();
      await world.drop();
    },
  };
}
