import { describe, expect, it } from "vitest";
import { redactText } from "./redact.ts";
import { createToken } from "./token.ts";

// No shape of its own, and characters that every encoding changes.
const live = 'p@ss/w+rd "ü?" 4711&x=1';

describe("redaction", () => {
  it.each<[string, string]>([
    ["as it is", live],
    ["twice", `${live} and ${live}`],
    ["in JSON", JSON.stringify({ error: { message: `bad key ${live}` } })],
    ["percent-encoded", `https://api.test/v1?key=${encodeURIComponent(live)}`],
    ["percent-encoded in lower case", encodeURIComponent(live).toLowerCase()],
    ["as hex", Buffer.from(live).toString("hex")],
  ])("removes a live secret %s", (_, text) => {
    const redacted = redactText(text, [live]);
    expect(redacted).toContain("[secret]");
    expect(redacted).not.toContain("4711");
    expect(redacted).not.toContain(Buffer.from("4711").toString("hex"));
  });

  it.each(["", "a", "ab", "abc", "user:", "Ω"])(
    "removes a live secret out of base64 that also holds %j before it",
    (before) => {
      for (const encoding of ["base64", "base64url"] as const) {
        for (const after of ["", "!", "!!", "\n"]) {
          const redacted = redactText(`x ${Buffer.from(before + live + after).toString(encoding)} y`, [live]);
          expect(redacted).toMatch(/^x \S*\[secret\]\S* y$/);
          // What is left at the edges holds at most one byte of the secret on either side.
          const left = redacted.replace("[secret]", "").slice(2, -2);
          expect(left.length).toBeLessThanOrEqual(Math.ceil(((before.length + after.length + 2) * 8) / 6) + 6);
        }
      }
    },
  );

  it("removes the longer of two secrets that contain each other", () => {
    expect(redactText("key-abcdef key-abcdef-long", ["key-abcdef", "key-abcdef-long"])).toBe("[secret] [secret]");
  });

  it("removes what only looks like a secret, without being told", () => {
    expect(redactText(`see ${createToken("worker")}.`, [])).toBe("see [secret].");
    expect(redactText("postgres://me:hunter2@127.0.0.1/x", [])).toBe("postgres://me:[secret]@127.0.0.1/x");
    const pem = "-----BEGIN PRIVATE KEY-----\nMIIB\n-----END PRIVATE KEY-----";
    expect(redactText(`a ${pem} b`, [])).toBe("a [secret] b");
  });

  it("leaves ordinary text alone", () => {
    const text =
      "Basic authentication of http://127.0.0.1:4810/sessions/a@b failed: task-list, risk-averse, $& and $1.";
    expect(redactText(text, ["", "a"])).toBe(text);
    expect(redactText(text, ["unrelated secret"])).toBe(text);
  });

  it("takes a secret's special characters literally", () => {
    expect(redactText("a.c+$& abc", ["a.c+$&"])).toBe("[secret] abc");
  });
});
