import { describe, expect, it } from "vitest";
import { lawfulFrom, lifecycles, workerLifecycle, workerStatuses, type WorkerStatus } from "./lifecycles.ts";

// The specification's table, written out once more on purpose: a change of the data must be a change here too.
const lawful = new Set([
  "pending→active",
  "pending→revoked",
  "active→draining",
  "active→paused",
  "active→unhealthy",
  "active→retired",
  "active→revoked",
  "draining→active",
  "draining→retired",
  "draining→revoked",
  "draining→unhealthy",
  "paused→active",
  "paused→retired",
  "paused→revoked",
  "unhealthy→active",
  "unhealthy→draining",
  "unhealthy→retired",
  "unhealthy→revoked",
]);

const moves = workerStatuses.flatMap((from) =>
  workerStatuses.filter((to) => to !== from).map((to) => [from, to] as const),
);

describe("the lifecycle of a worker", () => {
  it("has 7 states and 42 thinkable moves, of which 18 are lawful and 24 refused", () => {
    expect(Object.keys(workerLifecycle)).toEqual([...workerStatuses]);
    expect(moves).toHaveLength(42);
    expect(moves.filter(([from, to]) => allows(from, to))).toHaveLength(18);
    expect(moves.filter(([from, to]) => !allows(from, to))).toHaveLength(24);
  });

  it.each(moves)("from %s to %s is as specified", (from, to) => {
    expect(allows(from, to)).toBe(lawful.has(`${from}→${to}`));
    expect(lawfulFrom(workerLifecycle, to).includes(from)).toBe(lawful.has(`${from}→${to}`));
  });

  it("lets only an active worker claim, and nobody renew who may not heartbeat", () => {
    const rows = Object.entries(workerLifecycle);
    expect(rows.filter(([, row]) => row.claims).map(([status]) => status)).toEqual(["active"]);
    expect(rows.filter(([, row]) => row.renews && !row.heartbeats)).toEqual([]);
  });

  it("ends in retired and revoked, which hear nothing more", () => {
    for (const status of ["retired", "revoked"] as const) {
      expect(workerLifecycle[status]).toEqual({ next: [], heartbeats: false, claims: false, renews: false });
    }
  });
});

describe.each(Object.entries(lifecycles))("the lifecycle of %s", (_, table) => {
  const rows = Object.entries(table) as Array<[string, { next: readonly string[] }]>;

  it("moves only between its own states, and never to itself", () => {
    for (const [from, { next }] of rows) {
      expect(next.filter((to) => !(to in table))).toEqual([]);
      expect(next).not.toContain(from);
      expect(new Set(next).size).toBe(next.length);
    }
  });

  it("reaches every state from its first", () => {
    const reached = new Set([rows[0]![0]]);
    // A set grows while it is iterated: this walks the whole graph.
    for (const state of reached) for (const to of rows.find(([name]) => name === state)![1].next) reached.add(to);
    expect([...reached].sort()).toEqual(rows.map(([name]) => name).sort());
  });
});

function allows(from: WorkerStatus, to: WorkerStatus): boolean {
  return (workerLifecycle[from].next as readonly WorkerStatus[]).includes(to);
}
