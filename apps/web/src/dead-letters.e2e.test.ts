import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import { describe, expect, it } from "vitest";
import { browserSuite } from "./testing/browser-suite.ts";
import { accessibilityFindings } from "./testing/browser.ts";

const suite = browserSuite();

describe("a person whose prompt failed in every attempt", () => {
  it("reads why it waits, is told at home that it died, edits it and starts it again", async () => {
    const page = await suite.visitors.signedIn();
    const sessionId = await suite.world.wish("divide by zero");
    await page.goto(`${suite.world.origin}/sessions/${sessionId}`);
    await page.getByText("no worker that can take it is running").waitFor({ timeout: 8_000 });

    const worker = await suite.world.enrol("hands");
    for (let attempt = 1; attempt <= 5; attempt += 1) {
      await suite.world.claimOne(worker);
      if (attempt === 1) {
        suite.world.as.worker.notify("events", sessionId);
        await suite.world.advance(14_000);
        await page.getByText("its worker has gone silent").waitFor({ timeout: 15_000 });
      }
      await suite.world.advance(15_001);
      await recoverExpiredLeases(suite.world.as.scheduler.db, 10);
    }
    await page.goto(`${suite.world.origin}/`);
    await page.getByRole("link", { name: "Look at it, then retry or drop it." }).click();
    await page.getByRole("heading", { name: "Failed for good" }).waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await page.getByLabel("Prompt, to edit and retry").fill("divide by two");
    await page.getByRole("button", { name: "Retry" }).click();
    await page.getByText("Nothing here").waitFor();
    expect(await suite.world.claimOne(worker)).toMatchObject({ text: "divide by two", lease: { sessionId } });
  });
});
