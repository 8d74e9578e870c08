import { format, inspect } from "node:util";
import { describe, expect, it } from "vitest";
import { Secret } from "./secret.ts";

describe("a secret", () => {
  const secret = new Secret("hunter2");

  it("is revealed only to whoever asks for it by name", () => {
    expect(secret.reveal()).toBe("hunter2");
  });

  it.each([
    ["JSON", JSON.stringify({ secret })],
    // oxlint-disable-next-line typescript/restrict-template-expressions -- the mistake that this class is for
    ["a template", `${secret}`],
    ["a concatenation", "is " + secret],
    ["inspect", inspect({ secret }, { showHidden: true, depth: 9 })],
    ["format", format("%s %o %j", secret, secret, secret)],
    ["its keys", JSON.stringify(Object.entries(secret))],
    ["a copy", JSON.stringify(Object.assign({}, secret))],
  ])("does not show in %s", (_, printed) => {
    expect(printed).not.toContain("hunter2");
  });

  it("prints as [secret]", () => {
    expect(String(secret)).toBe("[secret]");
    expect(JSON.stringify(secret)).toBe('"[secret]"');
  });
});
