import { describe, expect, it } from "vitest";
import { holdBack } from "./hold-back.ts";

const replacements = new Map([
  ["sk-secret", "[secret]"],
  ["sk-secret-longer", "[longer]"],
  ["/home/plane/ws", "/workspace"],
]);

function throughIn(pieces: readonly string[]): string {
  const held = holdBack(replacements);
  return pieces.map((piece) => held.push(piece)).join("") + held.end();
}

describe("words held back in a stream", () => {
  const cases = [
    ["the key is sk-secret, keep it", "the key is [secret], keep it"],
    ["sk-secret-longer and sk-secret", "[longer] and [secret]"],
    ["sk-secret-long is not the longer one", "[secret]-long is not the longer one"],
    ["see /home/plane/ws/a.txt and /home/plane/other", "see /workspace/a.txt and /home/plane/other"],
    ["sk-sk-secretsk-sec", "sk-[secret]sk-sec"],
    ["nothing in here", "nothing in here"],
  ] as const;

  for (const [text, expected] of cases) {
    it(`are replaced wherever the stream is cut: ${text}`, () => {
      expect(throughIn([text])).toBe(expected);
      expect(throughIn(text.split(""))).toBe(expected);
      for (let first = 0; first <= text.length; first++) {
        for (let second = first; second <= text.length; second++) {
          expect(throughIn([text.slice(0, first), text.slice(first, second), text.slice(second)])).toBe(expected);
        }
      }
    });
  }

  it("wait only while the tail could still become one", () => {
    const held = holdBack(replacements);
    expect(held.push("words sk-se")).toBe("words ");
    expect(held.push("lling")).toBe("sk-selling");
    expect(held.push("free")).toBe("free");
    expect(held.end()).toBe("");
  });

  it("let bytes of any kind through unchanged as latin1", () => {
    const bytes = Buffer.from(Array.from({ length: 256 }, (_, n) => n));
    expect(Buffer.from(throughIn([bytes.toString("latin1")]), "latin1").equals(bytes)).toBe(true);
  });
});
