import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { askedToChoose, askedToRun, colours, type Asked } from "@open-cowork/store/testing/asks";
import { newPerson } from "@open-cowork/store/testing/builders";
import { said } from "@open-cowork/store/testing/world";
import type { Page } from "playwright-core";
import { describe, expect, it } from "vitest";
import { browserSuite } from "./testing/browser-suite.ts";
import { accessibilityFindings } from "./testing/browser.ts";
import { takeWork, toolCall, type Hands } from "./testing/scripted-hands.ts";

const suite = browserSuite();

async function startCareful(page: Page): Promise<Hands> {
  await page.getByLabel("What should the agent do?").fill("Build it");
  await page.getByLabel("Profile").selectOption("careful");
  await page.getByRole("button", { name: "Start" }).click();
  await page.waitForURL(/\/sessions\//);
  const hands = await takeWork(suite.world);
  await hands.append(said.message("msg_1"), {
    type: "message.part.updated",
    payload: { part: { ...toolPart, state: { status: "running", input: {} } } },
  });
  return hands;
}
const toolPart = {
  ...(
    toolCall("msg_1", "prt_1", {}).payload as {
      part: { id: string; messageID: string; sessionID: string; type: string };
    }
  ).part,
  callID: "call_1",
};
const shown = (page: Page, text: string | RegExp) => page.getByText(text).first().waitFor({ timeout: 8_000 });
const statusOf = async ({ sessionId }: Hands, { decisionId }: Asked) =>
  (await readSnapshot(suite.world.as.web.db, suite.world.actor, sessionId))!.transcript.decisions[decisionId];

describe("a person whose agent asks", () => {
  it.each([
    ["Approve once", "approved once by Ada", "approved"],
    ["Refuse", "refused by Ada", "refused"],
  ])("sees the exact call as it comes, and presses %s", async (button, outcome, status) => {
    const page = await suite.visitors.signedIn();
    const hands = await startCareful(page);
    const ask = askedToRun("make --jobs 2 && make install");
    await hands.append(ask.event);
    await shown(page, "waiting for you");
    const card = page.getByRole("region", { name: "The agent asks to run a command" });
    await card.getByText("make --jobs 2 && make install").waitFor();
    expect(await accessibilityFindings(page)).toEqual([]);
    await card.getByRole("button", { name: button }).click();
    await shown(page, outcome);
    expect(await statusOf(hands, ask)).toMatchObject({ status });
    expect(await page.getByRole("button", { name: "Approve once" }).count()).toBe(0);
    await shown(page, /^working/);
    await page.reload();
    await shown(page, outcome);
    expect(await accessibilityFindings(page)).toEqual([]);
    await hands.finish({ kind: "succeeded" });
    expect(suite.visitors.complaints).toEqual([]);
  });

  it("answers a question by a choice, by several, and in own words", async () => {
    const page = await suite.visitors.signedIn();
    const hands = await startCareful(page);
    const [question] = colours;
    const ask = askedToChoose([
      question!,
      { ...question!, question: "And the walls?", multiple: true, custom: false },
      { ...question!, question: "And the roof?" },
    ]);
    await hands.append(ask.event);
    await shown(page, "Which colour should the door have?");
    expect(await accessibilityFindings(page)).toEqual([]);
    await page.getByRole("group", { name: "Which colour should the door have?" }).getByLabel(/^Blue/).check();
    const walls = page.getByRole("group", { name: "And the walls?" });
    expect(await walls.getByLabel("In your own words").count()).toBe(0);
    await walls.getByLabel(/^Red/).check();
    await walls.getByLabel(/^Blue/).check();
    await page.getByRole("group", { name: "And the roof?" }).getByLabel("In your own words").fill("Straw");
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await shown(page, "answered by Ada");
    await shown(page, "Red, Blue");
    expect(await statusOf(hands, ask)).toMatchObject({ answers: [["Blue"], ["Red", "Blue"], ["Straw"]] });
    await hands.finish({ kind: "succeeded" });
    expect(suite.visitors.complaints).toEqual([]);
  });

  it("sees what somebody else has decided, who was faster", async () => {
    const page = await suite.visitors.signedIn();
    const hands = await startCareful(page);
    const ask = askedToRun("make");
    await hands.append(ask.event);
    await page.getByRole("button", { name: "Refuse" }).waitFor();
    const other = await suite.visitors.signedIn({}, await newPerson(suite.world, suite.world.actor, "member"));
    await other.goto(page.url());
    await other.getByRole("button", { name: "Approve once" }).click();
    await shown(other, "approved once by member");
    await shown(page, "approved once by member");
    expect(await page.getByRole("button", { name: "Refuse" }).count()).toBe(0);
    await hands.finish({ kind: "succeeded" });
  });

  it("only looks, as a viewer", async () => {
    const owner = await suite.visitors.signedIn();
    const hands = await startCareful(owner);
    await hands.append(askedToRun("make").event);
    const page = await suite.visitors.signedIn({}, await newPerson(suite.world, suite.world.actor, "viewer"));
    await shown(page, "waiting for a person");
    await page.goto(owner.url());
    await shown(page, /^waits for a person until/);
    await shown(page, "live");
    expect(await page.getByRole("button", { name: "Approve once" }).count()).toBe(0);
    expect(await accessibilityFindings(page)).toEqual([]);
    await hands.finish({ kind: "succeeded" });
  });
});

describe("a person without JavaScript whose agent asks", () => {
  it("finds the session in the list, reads the call, approves it and answers a question", async () => {
    const page = await suite.visitors.signedIn({ javaScriptEnabled: false });
    const hands = await startCareful(page);
    const [call, question] = [askedToRun("make"), askedToChoose(colours)];
    await hands.append(call.event);
    await page.goto(`${suite.world.origin}/`);
    await page.getByText("waiting for you").first().click();
    await shown(page, "The agent asks to run a command");
    await page.getByRole("button", { name: "Approve once" }).click();
    await shown(page, "approved once by Ada");
    await hands.append(question.event);
    await page.reload();
    await page.getByLabel(/^Red/).check();
    await page.getByRole("button", { name: "Answer", exact: true }).click();
    await shown(page, "answered by Ada");
    expect(await statusOf(hands, question)).toMatchObject({ answers: [["Red"]] });
    await hands.finish({ kind: "succeeded" });
  });
});
