import { describe, expect, it } from "vitest";
import type { EngineMessage } from "./engine-client.ts";
import { findLeftover } from "./take-back.ts";

const user = (id: string): EngineMessage => ({ info: { id, sessionID: "ses_1", role: "user" }, parts: [] });
const answer = (id: string, completed: boolean): EngineMessage => ({
  info: { id, sessionID: "ses_1", role: "assistant", time: completed ? { completed: 2 } : {} },
  parts: [],
});
const done = [user("u1"), answer("a1", true)];

describe("what an interrupted attempt left behind", () => {
  it("is nothing when the last turn was answered", () => {
    expect(findLeftover([], null, "c1")).toBeNull();
    expect(findLeftover(done, null, "c1")).toBeNull();
    expect(findLeftover(done, { commandId: "c0", after: null }, "c1")).toBeNull();
  });

  it("is a turn whose answer was never completed, or never came", () => {
    expect(findLeftover([...done, user("u2"), answer("a2", false)], null, "c2")).toBe("u2");
    expect(findLeftover([...done, user("u2"), answer("a2", true), answer("a3", false)], null, "c2")).toBe("u2");
    expect(findLeftover([...done, user("u2")], { commandId: "c1", after: "a1" }, "c3")).toBe("u2");
  });

  it("is a turn that OpenCode had finished, when the plane never heard of it and gives the command again", () => {
    const note = { commandId: "c2", after: "a1" };
    expect(findLeftover([...done, user("u2"), answer("a2", true)], note, "c2")).toBe("u2");
    expect(findLeftover([...done, user("u2"), answer("a2", true)], note, "c3")).toBeNull();
    expect(findLeftover(done, { commandId: "c1", after: null }, "c1")).toBe("u1");
    expect(findLeftover(done, note, "c2")).toBeNull();
  });

  it("is judged by the messages alone when the note is about another history", () => {
    expect(findLeftover([...done, user("u2")], { commandId: "c2", after: "gone" }, "c2")).toBe("u2");
    expect(findLeftover(done, { commandId: "c2", after: "gone" }, "c2")).toBeNull();
  });
});
