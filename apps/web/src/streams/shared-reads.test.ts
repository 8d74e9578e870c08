import { describe, expect, it } from "vitest";
import { SharedReads } from "./shared-reads.ts";

describe("shared reads", () => {
  it("start once for all who ask while it runs, and again for who asks later", async () => {
    const reads = new SharedReads();
    let started = 0;
    const read = () => reads.read("session 7", async () => ++started);
    expect(await Promise.all([read(), read(), read()])).toEqual([1, 1, 1]);
    expect(await read()).toBe(2);
  });

  it("share a failure, and do not keep it", async () => {
    const reads = new SharedReads();
    const failing = () => reads.read("session 7", () => Promise.reject(new Error("down")));
    expect(await Promise.allSettled([failing(), failing()])).toMatchObject([
      { status: "rejected" },
      { status: "rejected" },
    ]);
    expect(await reads.read("session 7", async () => "up")).toBe("up");
  });
});
