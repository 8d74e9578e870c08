import type { DecisionView } from "@open-cowork/contracts/decisions";
import type { CommandView, MessageView, Turn } from "@open-cowork/contracts/transcript";
import { describe, expect, it } from "vitest";
import { currentTurn, statusText } from "./turn-status.ts";

const at = "2026-01-01T00:00:00.000Z";

function turn(change: Partial<CommandView>, answers: MessageView[] = [], decisions: DecisionView[] = []): Turn {
  const command: CommandView = {
    commandId: "c",
    commandSeq: 1,
    text: "hi",
    by: "Ada",
    at,
    status: "waiting",
    attempt: 0,
    reason: null,
    ...change,
  };
  return { command, answers, lost: [], decisions };
}

function answer(created: number, completed?: number): MessageView {
  const time = completed === undefined ? { created } : { created, completed };
  return { info: { id: "m", sessionID: "s", role: "assistant", time }, commandId: "c", attempt: 1, parts: {} };
}

describe("the status of a prompt", () => {
  it.each<[string, Turn]>([
    ["waiting for a worker", turn({})],
    ["working", turn({ status: "working", attempt: 1 })],
    ["working · attempt 2", turn({ status: "working", attempt: 2 })],
    ["interrupted; waiting for attempt 2", turn({ status: "waiting", attempt: 1, reason: "worker_lost" })],
    ["done in 12 s", turn({ status: "succeeded", attempt: 1 }, [answer(1_000, 4_000), answer(4_500, 13_000)])],
    ["done", turn({ status: "succeeded", attempt: 1 })],
    ["failed: The model provider did not answer.", turn({ status: "failed", reason: "provider_unavailable" })],
    ["failed: toString", turn({ status: "failed", reason: "toString" })],
    ["stopped", turn({ status: "cancelled", reason: "stopped_by_person" })],
  ])("reads: %s", (text, given) => {
    expect(statusText(given, true)).toBe(text);
  });
});

describe("a prompt whose agent asks something", () => {
  const ask = (status: DecisionView["status"]): DecisionView => ({
    decisionId: "d",
    commandId: "c",
    attempt: 1,
    askedAt: at,
    expiresAt: at,
    status,
    by: null,
    decidedAt: null,
    answers: null,
    kind: "approval",
    request: { id: "per_1", sessionID: "s", permission: "bash", patterns: ["ls"], metadata: {} },
  });

  it("waits for whoever may answer, until nothing is open any more", () => {
    const given = (status: DecisionView["status"]) => turn({ status: "working", attempt: 1 }, [], [ask(status)]);
    expect(statusText(given("open"), true)).toBe("waiting for you");
    expect(statusText(given("open"), false)).toBe("waiting for a person");
    expect(statusText(given("approved"), true)).toBe("working");
  });
});

describe("the turn that a page is about", () => {
  it("is the first one that is not settled, else the newest", () => {
    const done = turn({ status: "succeeded" });
    const working = turn({ status: "working" });
    const waiting = turn({ status: "waiting" });
    expect(currentTurn([done, working, waiting])).toBe(working);
    expect(currentTurn([turn({ status: "failed" }), done])).toBe(done);
    expect(currentTurn([])).toBeUndefined();
  });
});
