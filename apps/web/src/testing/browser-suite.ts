import { needs } from "@open-cowork/testkit/needs";
import { afterAll, afterEach, beforeAll, beforeEach } from "vitest";
import { openVisitors, type Visitors } from "./visitors.ts";
import { createWebWorld, type WebWorld } from "./web-world.ts";

/** A plane and its visitors for a suite's time; the suite is skipped, and says so, where there is no browser. */
export function browserSuite(): { readonly world: WebWorld; readonly visitors: Visitors } {
  const found = needs("chromium");
  let world: WebWorld;
  let visitors: Visitors;
  beforeAll(async () => {
    if (!found.have) return;
    world = await createWebWorld();
    visitors = await openVisitors(world, found.path);
  });
  beforeEach((context) => {
    if (!found.have) context.skip(found.reason);
  });
  afterEach(() => visitors?.leave());
  afterAll(async () => {
    await visitors?.close();
    await world?.close();
  });
  return {
    get world() {
      return world;
    },
    get visitors() {
      return visitors;
    },
  };
}
