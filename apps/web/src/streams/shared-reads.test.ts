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

  it("are not joined by those who ask after something has changed", async () => {
    const reads = new SharedReads();
    let state = "old";
    let answer!: () => void;
    const look = (seen: string) => new Promise<string>((resolve) => (answer = () => resolve(seen)));
    const before = reads.read("session 7", () => look(state));
    const answerBefore = answer;
    state = "new";
    reads.startAfresh();
    const after = reads.read("session 7", () => look(state));
    answerBefore();
    expect(await before).toBe("old");
    // The end of the first must not make the second one forgotten.
    const joined = reads.read("session 7", () => look("never"));
    answer();
    expect(await Promise.all([after, joined])).toEqual(["new", "new"]);
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
