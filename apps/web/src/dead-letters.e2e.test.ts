import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import { needs } from "@open-cowork/testkit/needs";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { accessibilityFindings } from "./testing/browser.ts";
import { openVisitors, type Visitors } from "./testing/visitors.ts";
import { createWebWorld, type WebWorld } from "./testing/web-world.ts";

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

describe("a person whose prompt failed in every attempt", () => {
  it("reads why it waits, is told at home that it died, edits it and starts it again", async () => {
    const page = await visitors.signedIn();
    const sessionId = await world.wish("divide by zero");
    await page.goto(`${world.origin}/sessions/${sessionId}`);
    await page.getByText("no worker that can take it is running").waitFor({ timeout: 8_000 });

    const worker = await world.enrol("hands");
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await world.claimOne(worker);
      if (attempt === 1) {
        world.as.worker.notify("events", sessionId);
        await world.advance(14_000);
        await page.getByText("its worker has gone silent").waitFor({ timeout: 15_000 });
      }
      await world.advance(15_001);
      await recoverExpiredLeases(world.as.scheduler.db, 10);
    }
    await page.goto(`${world.origin}/`);
    await page.getByRole("link", { name: "Look at it, then retry or drop it." }).click();
    await page.getByRole("heading", { name: "Failed for good" }).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await page.getByLabel("Prompt, to edit and retry").fill("divide by two");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText("Nothing here").waitFor();
    expect(await world.claimOne(worker)).toMatchObject({ text: "divide by two", lease: { sessionId } });
  });
});
