import { describe, expect, it } from "vitest";
import { eventually } from "./eventually.ts";

describe("eventually", () => {
  it("asks again until the probe gives something, and returns it", async () => {
    let asked = 0;
    expect(await eventually("the third answer", () => (++asked === 3 ? "here" : null))).toBe("here");
    expect(asked).toBe(3);
  });

  it("takes a probe that throws for one that has not seen it yet", async () => {
    let asked = 0;
    const probe = () => {
      if (++asked === 1) throw new Error("connection refused");
      return asked;
    };
    expect(await eventually("a second try", probe)).toBe(2);
  });

  it("says what it waited for and what it saw last when time runs out", async () => {
    const never = eventually("the server to answer", () => Promise.reject(new Error("connection refused")), {
      withinMs: 30,
    });
    await expect(never).rejects.toThrow("not within 30 ms: the server to answer");
    await expect(never).rejects.toHaveProperty("cause.message", "connection refused");
  });
});
