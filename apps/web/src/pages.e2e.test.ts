import { said } from "@open-cowork/store/testing/world";
import { eventually } from "@open-cowork/testkit/eventually";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { browserSuite } from "./testing/browser-suite.ts";
import { accessibilityFindings } from "./testing/browser.ts";
import { takeWork, toolCall } from "./testing/scripted-hands.ts";

const suite = browserSuite();

async function startSession(page: Page, prompt: string): Promise<void> {
  await page.goto(`${suite.world.origin}/`);
  await page.getByLabel("What should the agent do?").fill(prompt);
  await page.keyboard.press("Enter");
  await page.waitForURL(/\/sessions\//);
}

const expectShown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 8_000 });

describe("a person with a browser", () => {
  it("signs in by a link, starts a session and watches the answer grow", async () => {
    const page = await suite.visitors.signedIn();
    await startSession(page, "Say hello");
    await expectShown(page, "waiting for a worker");
    await expectShown(page, "live");

    const hands = await takeWork(suite.world);
    await hands.append(
      said.message("msg_1"),
      said.part("msg_1", "prt_1", ""),
      said.delta("msg_1", "prt_1", 0, "Hello, **wor"),
    );
    await expectShown(page, "Hello, **wor");
    await expectShown(page, "working");
    await hands.append(
      said.delta("msg_1", "prt_1", 12, "ld**!"),
      toolCall("msg_1", "prt_2", {
        status: "completed",
        input: { command: "ls" },
        output: "README.md",
        title: "List files",
      }),
    );
    await page.locator(".answer strong", { hasText: "world" }).waitFor();
    await page.locator("summary", { hasText: "List files" }).click();
    await expectShown(page, "README.md");
    await hands.finish({ kind: "succeeded" }, said.part("msg_1", "prt_1", "Hello, **world**!", 2));
    await expectShown(page, /^done/);

    await page.getByRole("textbox", { name: "Prompt" }).fill("And again");
    await page.keyboard.press("Enter");
    await page.locator(".prompt", { hasText: "And again" }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await expectShown(page, "stopped");
    expect(suite.visitors.complaints).toEqual([]);
  });

  it("finds no accessibility violation on any page, in light and dark", async () => {
    const visitor = await (await suite.visitors.browser.newContext()).newPage();
    await visitor.goto(`${suite.world.origin}/sign-in`);
    expect(await accessibilityFindings(visitor)).toEqual([]);
    const page = await suite.visitors.signedIn();
    await startSession(page, "Look **at** me");
    const hands = await takeWork(suite.world);
    await hands.append(
      said.message("msg_a"),
      said.part("msg_a", "prt_a", "# Plan\n\n1. one\n\n`code` and\n\n```ts\nlet a = 1;\n```", 2),
      toolCall("msg_a", "prt_b", { status: "error", input: { command: "ls" }, error: "no such file" }),
    );
    await expectShown(page, "let a = 1;");
    await page.locator("summary").click();
    expect(await accessibilityFindings(page)).toEqual([]);
    await hands.finish({ kind: "failed", reason: "provider_error" });
    await expectShown(page, "failed: The model provider refused or broke the request.");
    expect(await accessibilityFindings(page)).toEqual([]);
    for (const path of ["/", "/nowhere"]) {
      await page.goto(suite.world.origin + path);
      expect(await accessibilityFindings(page)).toEqual([]);
    }
  });

  it("sees what an agent writes as text, whatever it is", async () => {
    const page = await suite.visitors.signedIn();
    await startSession(page, "<img src=x onerror=document.title='prompt'>");
    const hostile =
      "<script>document.title='owned'</script> [here](javascript:alert(1)) <img src=x onerror=\"document.title='owned'\">";
    const hands = await takeWork(suite.world);
    await hands.append(said.message("msg_h"), said.part("msg_h", "prt_h", hostile, 2));
    await expectShown(page, hostile);
    await page.reload();
    await expectShown(page, hostile);
    expect(await page.locator(".transcript :is(img, script, a)").count()).toBe(0);
    expect(await page.title()).toContain("Open Cowork");
    expect(suite.visitors.complaints).toEqual([]);
  });

  it("sees an interrupted attempt folded away, and the next one in its place", async () => {
    const page = await suite.visitors.signedIn();
    await startSession(page, "Survive");
    const lost = await takeWork(suite.world);
    await lost.append(said.message("msg_l"), said.part("msg_l", "prt_l", "Half a tho"));
    await expectShown(page, "Half a tho");
    await lost.finish({ kind: "released", reason: "worker_draining" });
    await expectShown(page, "interrupted; waiting for attempt 2");
    const next = await takeWork(suite.world);
    await next.append(said.message("msg_n"), said.part("msg_n", "prt_n", "A whole thought", 2));
    await expectShown(page, "A whole thought");
    await expectShown(page, "interrupted; the plane started attempt 2");
    expect(await page.getByText("Half a tho").isVisible()).toBe(false);
    await expectShown(page, "working · attempt 2");
  });

  it("is taken along to the newest words only while at the bottom", async () => {
    const page = await suite.visitors.signedIn({ viewport: { width: 800, height: 500 } });
    await startSession(page, "Count");
    const hands = await takeWork(suite.world);
    const lines = Array.from({ length: 60 }, (_, n) => `Line ${n}`).join("\n\n");
    await hands.append(said.message("msg_s"), said.part("msg_s", "prt_s", lines));
    await expectShown(page, "Line 59");
    const distance = () => page.evaluate(() => document.documentElement.scrollHeight - innerHeight - scrollY);
    await eventually("the page followed", async () => (await distance()) < 5);
    await page.mouse.wheel(0, -600);
    await page.getByRole("button", { name: "Newest" }).waitFor();
    const before = await page.evaluate(() => scrollY);
    await hands.append(said.part("msg_s", "prt_s", `${lines}\n\nLine 60`));
    await expectShown(page, "Line 60");
    expect(await page.evaluate(() => scrollY)).toBe(before);
    await page.getByRole("button", { name: "Newest" }).click();
    await eventually("the page is at the bottom", async () => (await distance()) < 5);
  });

  it("is told when the connection is gone, and finds everything after the server is back", async () => {
    const page = await suite.visitors.signedIn();
    await startSession(page, "Keep going");
    await expectShown(page, "live");
    const hands = await takeWork(suite.world);
    await hands.append(
      said.message("msg_r"),
      said.part("msg_r", "prt_r", ""),
      said.delta("msg_r", "prt_r", 0, "before "),
    );
    await expectShown(page, "before");
    await suite.world.stopServer();
    await expectShown(page, "reconnecting…");
    await hands.append(said.delta("msg_r", "prt_r", 7, "while away "));
    await suite.world.startServer();
    await expectShown(page, "before while away");
    await expectShown(page, "live");
    await hands.finish({ kind: "succeeded" }, said.part("msg_r", "prt_r", "before while away after", 2));
    await expectShown(page, "before while away after");
  });
});

describe("a person without JavaScript", () => {
  it("signs in, starts a session, prompts, stops and reads the answer by reloading", async () => {
    const page = await suite.visitors.signedIn({ javaScriptEnabled: false });
    await page.getByLabel("What should the agent do?").fill("No script here");
    await page.getByRole("button", { name: "Start" }).click();
    await page.waitForURL(/\/sessions\//);
    await expectShown(page, "waiting for a worker");
    const hands = await takeWork(suite.world);
    await hands.append(said.message("msg_p"), said.part("msg_p", "prt_p", "Plain and simple", 2));
    await page.getByRole("link", { name: "Reload to see what is new" }).click();
    await expectShown(page, "Plain and simple");
    await page.getByRole("textbox", { name: "Prompt" }).fill("One more");
    await page.getByRole("button", { name: "Send" }).click();
    await page.locator(".prompt", { hasText: "One more" }).waitFor();
    await page.getByRole("button", { name: "Stop" }).click();
    await expectShown(page, "stopped");
    await page.getByRole("button", { name: "Sign out" }).click();
    await expectShown(page, "You need a sign-in link");
  });
});
