import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { systemClock } from "./clock.ts";
import { hidden, hideSecretShapes, tokenPrefixes } from "./secret-shapes.ts";

describe("hiding what looks like a secret", () => {
  it("hides every kind of token wherever it stands", () => {
    const token = fc.tuple(fc.constantFrom(...Object.values(tokenPrefixes)), fc.stringMatching(/^[A-Za-z0-9_-]{43}$/));
    fc.assert(
      fc.property(fc.string(), token, fc.string(), (before, [prefix, random], after) => {
        expect(hideSecretShapes(`${before} ${prefix}${random} ${after}`)).not.toContain(random);
      }),
    );
  });

  it("hides the password of a database URL, whatever characters it is made of", () => {
    const password = fc.stringMatching(/^[!-~]{8,40}$/).filter((text) => !/["'<>]/.test(text));
    fc.assert(
      fc.property(password, (text) => {
        expect(hideSecretShapes(`cannot use postgres://cowork:${text}@db.test/x today`)).toBe(
          `cannot use postgres://cowork:${hidden}@db.test/x today`,
        );
      }),
    );
  });

  it("says the same when it is done twice", () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(hideSecretShapes(hideSecretShapes(text))).toBe(hideSecretShapes(text));
      }),
    );
  });

  it.each([
    "x",
    "a://",
    "postgres://x:",
    "-eyJaaaaaaaa",
    "-----BEGIN ",
    "bearer ",
    "cws_",
    "sk-",
    "http://a:b",
    "-eyJaaaaaaaa.eyJaaaaaaaa",
  ])("takes time in proportion to a megabyte of %j", (piece) => {
    const before = systemClock.monotonicMs();
    hideSecretShapes(piece.repeat(Math.ceil(1_000_000 / piece.length)));
    // Quadratic would be hours; the bound only has to be far from both.
    expect(systemClock.monotonicMs() - before).toBeLessThan(5_000);
  });
});
