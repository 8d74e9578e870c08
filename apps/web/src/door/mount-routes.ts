import type { HttpBindings } from "@hono/node-server";
import type { Clock } from "@open-cowork/contracts/clock";
import { newId } from "@open-cowork/contracts/ids";
import type { Reason } from "@open-cowork/contracts/refusals";
import { routes, type RouteName, type RouteRow } from "@open-cowork/contracts/routes";
import type { Database } from "@open-cowork/store/database/open";
import { DatabaseUnavailable } from "@open-cowork/store/database/unavailable";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import type { Hono } from "hono";
import type { Pages } from "../pages/render.tsx";
import { addressOf, admit } from "./principals.ts";
import type { PublicAddress } from "./public-address.ts";
import type { RateLimit } from "./rate-limit.ts";
import { refusalAnswer } from "./refusal-answer.ts";
import { isOurHost, isSameSite } from "./same-site.ts";
import { addSecurityHeaders } from "./security-headers.ts";
import type { DoorRefusal, Handler, Handlers, Visit } from "./visit.ts";

export interface Door {
  address: PublicAddress;
  clock: Clock;
  database: Database;
  pages: Pages;
  proxyHops: number;
  rateLimit: RateLimit;
  telemetry: Telemetry;
}

export type DoorApp = Hono<{ Bindings: Partial<HttpBindings> }>;
type AnyHandler = Handler<Visit>;

/** What is not in the table still passes the same door, so that it costs a rate and leaves a metric. */
const unlisted = { method: "GET", path: "*", who: "anyone", ratePerMinute: 600, answers: "page" } as const;

/**
 * A made-up cookie or credential is a principal of its own each time, so no route's rate would ever stop it, and each
 * costs a look into the database and may leave a row in the audit. What is refused is counted by address instead.
 */
const refusedPerMinute = 120;
const provenNothing: ReadonlySet<Reason> = new Set<Reason>(["not_signed_in", "credential_invalid"]);

/** Mounts every row of the table exactly once. Throws for a row without a handler and a handler without a row. */
export function mountRoutes(app: DoorApp, door: Door, handlers: Handlers): void {
  const strays = Object.keys(handlers).filter((name) => !Object.hasOwn(routes, name));
  if (strays.length > 0) throw new Error(`handlers without a row in the table of routes: ${strays.join(", ")}`);
  for (const name of Object.keys(routes) as RouteName[]) {
    const handler = handlers[name] as AnyHandler | undefined;
    if (!handler) throw new Error(`route ${name} is in the table but has no handler`);
    const row: RouteRow = routes[name];
    app.on(row.method, row.path, (c) => answer(door, name, row, handler, c));
  }
  app.notFound((c) => {
    const row: RouteRow = { ...unlisted, answers: c.req.path.startsWith("/api/") ? "json" : "page" };
    return answer(door, "unlisted", row, () => ({ ok: false, reason: "not_found" }), c as Visit["c"]);
  });
}

async function answer(door: Door, route: string, row: RouteRow, handler: AnyHandler, c: Visit["c"]): Promise<Response> {
  const startedMs = door.clock.monotonicMs();
  const requestId = newId();
  const response = await door.telemetry.span(
    `${row.method} ${row.path}`,
    { parent: c.req.header("traceparent") ?? null },
    async (span) => {
      const visit: Visit = { c, requestId, traceparent: span.traceparent };
      const result = await pass(door, route, row, handler, visit).catch((error: unknown) =>
        asRefusal(door, route, requestId, error),
      );
      if (result instanceof Response) return result;
      span.set("refusal", result.reason);
      door.telemetry.count("cowork_refusals_total", { reason: result.reason });
      return refusalAnswer(result, { requestId, pages: isForPeople(row) ? door.pages : null });
    },
  );
  addSecurityHeaders(response.headers, door.address, requestId);
  const seconds = (door.clock.monotonicMs() - startedMs) / 1000;
  door.telemetry.observe("cowork_http_request_seconds", seconds, {
    route,
    method: row.method,
    status: String(response.status),
  });
  // The route's name, never the address itself: that may carry a sign-in token.
  door.telemetry.log.debug({ requestId, route, method: row.method, status: response.status, seconds }, "answered");
  return response;
}

async function pass(
  door: Door,
  route: string,
  row: RouteRow,
  handler: AnyHandler,
  visit: Visit,
): Promise<Response | DoorRefusal> {
  const { c } = visit;
  const host = c.req.header("host");
  if (!isOurHost(door.address, host)) return { ok: false, reason: "host_not_allowed" };
  // A worker shows its credential itself; only what a browser adds by itself can be abused from another site.
  if (row.method !== "GET" && row.who !== "worker" && !isSameSite(door.address, sourceOf(c))) {
    return { ok: false, reason: "cross_site_request" };
  }
  const stranger = `refused ${addressOf(visit, door.proxyHops)}`;
  const strangerWaits = row.who === "anyone" ? 0 : door.rateLimit.waitSeconds(stranger, refusedPerMinute);
  if (strangerWaits > 0) return { ok: false, reason: "rate_limited", retryAfterSeconds: strangerWaits };
  const admitted = await admit(row, visit, door);
  const retryAfterSeconds = admitted.ok ? door.rateLimit.take(`${route} ${admitted.rateKey}`, row.ratePerMinute) : 0;
  if (retryAfterSeconds > 0) return { ok: false, reason: "rate_limited", retryAfterSeconds };
  const result = admitted.ok ? await handler(admitted.visit) : admitted;
  if (!(result instanceof Response) && provenNothing.has(result.reason)) {
    door.rateLimit.take(stranger, refusedPerMinute);
  }
  return result;
}

function sourceOf(c: Visit["c"]): { site?: string; origin?: string; host?: string } {
  const site = c.req.header("sec-fetch-site");
  const origin = c.req.header("origin");
  const host = c.req.header("host");
  return { ...(site ? { site } : {}), ...(origin ? { origin } : {}), ...(host ? { host } : {}) };
}

function asRefusal(door: Door, route: string, requestId: string, error: unknown): DoorRefusal {
  if (error instanceof DatabaseUnavailable) {
    door.telemetry.log.warn({ requestId, route, reason: error.message }, "the database did not answer");
    return { ok: false, reason: "database_unavailable", retryAfterSeconds: 2 };
  }
  door.telemetry.log.error({ requestId, route, err: error }, "a request broke");
  return { ok: false, reason: "internal" };
}

function isForPeople(row: RouteRow): boolean {
  return row.answers === "page" || row.answers === "redirect";
}
