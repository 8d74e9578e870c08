import { totalmem } from "node:os";
import { describe, expect, it } from "vitest";
import { freeMemoryMb } from "./memory.ts";

describe("the memory that is free", () => {
  it.runIf(process.platform === "linux")("is some of what there is, and less once somebody takes it", () => {
    const before = freeMemoryMb()!;
    expect(before).toBeGreaterThan(0);
    expect(before).toBeLessThan(totalmem() / 2 ** 20);
    const taken = Buffer.alloc(600 * 2 ** 20, 1);
    expect(freeMemoryMb()).toBeLessThan(before);
    expect(taken.length).toBe(600 * 2 ** 20);
  });
});
