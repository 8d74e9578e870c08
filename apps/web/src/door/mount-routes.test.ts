import { systemClock } from "@open-cowork/contracts/clock";
import { routes, type RouteName } from "@open-cowork/contracts/routes";
import { Hono } from "hono";
import { describe, expect, it } from "vitest";
import { mountRoutes, type Door, type DoorApp } from "./mount-routes.ts";
import { RateLimit } from "./rate-limit.ts";
import type { Handlers } from "./visit.ts";

// Mounting reads nothing of the door; requests through it are in app.test.ts, against a real database.
const door = { clock: systemClock, rateLimit: new RateLimit(systemClock) } as Door;
const ok = () => new Response("ok");
const all = Object.fromEntries(Object.keys(routes).map((name) => [name, ok])) as unknown as Handlers;

describe("the table of routes", () => {
  it("mounts every row exactly once", () => {
    const app: DoorApp = new Hono();
    mountRoutes(app, door, all);
    const mounted = app.routes.map(({ method, path }) => `${method} ${path}`).sort();
    expect(mounted).toEqual(
      Object.values(routes)
        .map(({ method, path }) => `${method} ${path}`)
        .sort(),
    );
    expect(new Set(mounted).size).toBe(mounted.length);
  });

  it.each(Object.keys(routes) as RouteName[])("does not start without a handler for %s", (name) => {
    const { [name]: _, ...others } = all;
    expect(() => mountRoutes(new Hono(), door, others as Handlers)).toThrow(
      `route ${name} is in the table but has no handler`,
    );
  });

  it("does not start with a handler that no row asks for", () => {
    const more = { ...all, backDoor: ok };
    expect(() => mountRoutes(new Hono(), door, more)).toThrow(
      "handlers without a row in the table of routes: backDoor",
    );
  });
});
