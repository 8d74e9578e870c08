import { describe, expect, it } from "vitest";
import { decideRestart } from "./restart-backoff.ts";

describe("a part that ended by itself", () => {
  it("is started again after 1 s, and after twice as long for each quick crash, up to 30 s", () => {
    let quickCrashes = 0;
    const pauses = Array.from({ length: 7 }, () => {
      const decision = decideRestart(quickCrashes, 100);
      quickCrashes = decision.quickCrashes;
      return decision.pauseMs;
    });
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 30_000, 30_000]);
  });

  it("starts from 1 s again once it has lived for a while", () => {
    expect(decideRestart(6, 60_000)).toEqual({ pauseMs: 1_000, quickCrashes: 1 });
  });
});
