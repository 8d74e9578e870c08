import { describe, expect, it } from "vitest";
import { type ModelScript, turnOf } from "./script.ts";
import { scripts } from "./scripts.ts";

const all: Array<[string, ModelScript]> = Object.entries(scripts);

describe("the scripts", () => {
  it.each(all)("%s answers what its last tool call brought back", (_, script) => {
    expect(script.at(-1)?.do).not.toBe("call");
  });

  it("slow talks for eight to ten seconds", () => {
    const ms = (scripts.slow as ModelScript).reduce((sum, step) => {
      if (step.do !== "say" || typeof step.text !== "string") return sum;
      return sum + Math.ceil(step.text.length / step.pace.chunk) * step.pace.delayMs;
    }, 0);
    expect(ms).toBeGreaterThan(8_000);
    expect(ms).toBeLessThan(10_000);
  });

  it("demo uses a shell where it is offered one, and gets along without", () => {
    const calls = (offered: string[]) =>
      [0, 1, 2, 3].map((n) =>
        turnOf(scripts.demo, n, offered).flatMap((step) => (step.do === "call" ? [step.tool] : [])),
      );
    expect(calls(["write", "read"])).toEqual([["write"], ["read"], [], []]);
    expect(calls(["write", "read", "bash"])).toEqual([["write"], ["read"], ["bash"], []]);
  });
});
