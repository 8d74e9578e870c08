import { MovingClock } from "@open-cowork/testkit/moving-clock";
import { describe, expect, it } from "vitest";
import { RateLimit } from "./rate-limit.ts";

describe("the rate limit", () => {
  it("passes a minute's worth at once, then says how long to wait", () => {
    const limit = new RateLimit(new MovingClock());
    expect([1, 2, 3].map(() => limit.take("ada", 3))).toEqual([0, 0, 0]);
    expect(limit.take("ada", 3)).toBe(20);
  });

  it("refills evenly, so that waiting as long as it said is enough", async () => {
    const clock = new MovingClock();
    const limit = new RateLimit(clock);
    for (let n = 0; n < 3; n++) limit.take("ada", 3);
    await clock.advance(19_000);
    expect(limit.take("ada", 3)).toBe(1);
    await clock.advance(1_000);
    expect(limit.take("ada", 3)).toBe(0);
  });

  it("says how long a key would have to wait without counting the question", () => {
    const limit = new RateLimit(new MovingClock());
    expect([limit.waitSeconds("ada", 1), limit.waitSeconds("ada", 1)]).toEqual([0, 0]);
    limit.take("ada", 1);
    expect([limit.waitSeconds("ada", 1), limit.size]).toEqual([60, 1]);
  });

  it("counts each key by itself", () => {
    const limit = new RateLimit(new MovingClock());
    limit.take("ada", 1);
    expect(limit.take("ada", 1)).toBeGreaterThan(0);
    expect(limit.take("bob", 1)).toBe(0);
  });

  it("remembers a bounded number of keys and forgets the one unused for longest", () => {
    const limit = new RateLimit(new MovingClock(), 2);
    limit.take("ada", 1);
    limit.take("bob", 1);
    limit.take("ada", 1);
    limit.take("cyd", 1);
    expect(limit.size).toBe(2);
    expect(limit.take("ada", 1)).toBeGreaterThan(0);
  });
});
