import { describe, expect, it } from "vitest";
import { measure, percentile, summarise, type Bench } from "./harness.ts";

function benchOf(ours: number[], peers: number[], goal: number): { bench: Bench<"time">; order: string[] } {
  const order: string[] = [];
  const contestant = (name: string, values: number[]) => ({
    name,
    run: async () => {
      order.push(name);
      return { time: values.shift()! };
    },
  });
  return {
    order,
    bench: {
      name: "toy",
      runs: 3,
      metrics: { time: { unit: "ms", goal } },
      contestants: [contestant("ours", ours), contestant("peer", peers)],
    },
  };
}

describe("a bench", () => {
  it("runs its contestants interleaved, and compares medians", async () => {
    const { bench, order } = benchOf([1, 9, 2], [4, 4, 100], 5);
    const rows = summarise(bench, await measure(bench, 3, () => {}));
    expect(order).toEqual(["ours", "peer", "ours", "peer", "ours", "peer"]);
    expect(rows).toEqual([{ metric: "time", value: 2, unit: "ms", ratioTo: { peer: 0.5 }, goal: 5, ok: true }]);
  });

  it("says so when its goal is missed", async () => {
    const { bench } = benchOf([6, 7, 8], [1, 1, 1], 5);
    expect(summarise(bench, await measure(bench, 3, () => {}))[0]).toMatchObject({ value: 7, ok: false });
  });
});

describe("a goal against the peers", () => {
  it("is held against the better one, in the direction in which more is better", async () => {
    const contestant = (name: string, rate: number) => ({ name, run: async () => ({ rate }) });
    const bench: Bench<"rate"> = {
      name: "toy",
      runs: 1,
      metrics: { rate: { unit: "/s", moreIsBetter: true, goalAgainstPeers: 3 } },
      contestants: [contestant("ours", 500), contestant("slow", 100), contestant("fast", 200)],
    };
    const [row, against] = summarise(bench, await measure(bench, 1, () => {}));
    expect(row).toMatchObject({ value: 500, ratioTo: { slow: 5, fast: 2.5 }, ok: true });
    expect(against).toEqual({
      metric: "rate, against the better peer",
      value: 2.5,
      unit: "x",
      ratioTo: {},
      goal: 3,
      ok: false,
    });
  });
});

describe("a percentile", () => {
  it("is always a value that was measured", () => {
    expect(percentile([30, 10, 20], 50)).toBe(20);
    expect(percentile([1, 2, 3, 4, 5, 6, 7, 8, 9, 10], 95)).toBe(10);
    expect(percentile([4], 95)).toBe(4);
  });
});
