import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { formatCursor, parseCursor } from "./stream.ts";

const topic = fc.uuid().map((id) => `session:${id}`);
const position = fc.integer({ min: 0, max: 999_999_999_999_999 });
const cursor = fc.record({
  epoch: fc.stringMatching(/^[0-9a-f-]{1,36}$/),
  positions: fc
    .uniqueArray(fc.tuple(topic, position), { selector: ([name]) => name, maxLength: 20 })
    .map((pairs) => new Map(pairs)),
});

describe("a cursor", () => {
  it("comes back from its text as it was", () => {
    fc.assert(
      fc.property(cursor, (given) => {
        expect(parseCursor(formatCursor(given))).toEqual(given);
      }),
    );
  });

  it("fits into one line of an event stream, whatever it holds", () => {
    fc.assert(
      fc.property(cursor, (given) => {
        expect(formatCursor(given)).not.toMatch(/[\r\n\0]/);
      }),
    );
  });

  it("is never made out of garbage, and garbage never throws", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (text) => {
        const parsed = parseCursor(text);
        if (parsed) expect(formatCursor(parsed).split("~")).toHaveLength(text.split("~").length);
      }),
    );
    for (const text of [
      "",
      "~",
      "e~session:1",
      "e~session:1=-1",
      "e~session:1=1e3",
      "e~s=1",
      "e~session:1=9999999999999999",
      "e".repeat(5_000),
    ]) {
      expect(parseCursor(text), text.slice(0, 20)).toBeNull();
    }
  });
});
