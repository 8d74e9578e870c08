import { describe, expect, it } from "vitest";
import { MovingClock } from "./moving-clock.ts";

describe("a moving clock", () => {
  it("stands still until it is moved", async () => {
    const clock = new MovingClock("2026-03-01T12:00:00Z");
    expect(clock.now().toISOString()).toBe("2026-03-01T12:00:00.000Z");
    const before = clock.monotonicMs();
    await clock.advance(1_500);
    expect(clock.now().toISOString()).toBe("2026-03-01T12:00:01.500Z");
    expect(clock.monotonicMs() - before).toBe(1_500);
  });

  it("wakes sleepers at their own instant and in order, and leaves the others asleep", async () => {
    const clock = new MovingClock();
    const start = clock.monotonicMs();
    const woke: string[] = [];
    const nap = (name: string, ms: number) =>
      clock.sleep(ms).then(() => woke.push(`${name}@${clock.monotonicMs() - start}`));
    const naps = [nap("late", 300), nap("early", 100)];
    void nap("tomorrow", 86_400_000);
    await clock.advance(1_000);
    await Promise.all(naps);
    expect(woke).toEqual(["early@100", "late@300"]);
    expect(clock.sleeping).toBe(1);
  });

  it("wakes a loop as often as its pace asks for", async () => {
    const clock = new MovingClock();
    const stop = new AbortController();
    let ticks = 0;
    const loop = (async () => {
      for (;;) {
        await clock.sleep(1_000, stop.signal);
        ticks += 1;
      }
    })();
    await clock.advance(5_000);
    expect(ticks).toBe(5);
    stop.abort(new Error("enough"));
    await expect(loop).rejects.toThrow("enough");
    expect(clock.sleeping).toBe(0);
  });

  it("refuses to fall asleep on a signal that has aborted already", async () => {
    await expect(new MovingClock().sleep(1, AbortSignal.abort(new Error("too late")))).rejects.toThrow("too late");
  });
});
