import { describe, expect, it } from "vitest";
import { accepted, refused } from "@open-cowork/contracts/outcome";
import type { Signal } from "@open-cowork/store/worker-api/lease";
import { eventually } from "@open-cowork/testkit/eventually";
import { MovingClock } from "@open-cowork/testkit/moving-clock";
import { keepLease, trustedUntil, type LeaseKeeper, type LeaseLost } from "./lease-keeper.ts";

const times = { ttlMs: 15_000, renewMs: 5_000, marginMs: 3_000 };
type Renew = Parameters<typeof keepLease>[0]["renew"];

function keep(renew: Renew): { clock: MovingClock; keeper: LeaseKeeper; signals: Signal[]; claimedAt: number } {
  const clock = new MovingClock();
  const signals: Signal[] = [];
  const claimedAt = clock.monotonicMs();
  const keeper = keepLease({
    claimedAt,
    times,
    clock,
    renew,
    onSignal: (signal) => void signals.push(signal),
    onTrouble: () => {},
  });
  return { clock, keeper, signals, claimedAt };
}
const reasonOf = (keeper: LeaseKeeper) => (keeper.lost.reason as LeaseLost).reason;
const untilItWaits = (clock: MovingClock) =>
  eventually("the keeper waits for its next renewal", () => clock.sleeping > 0);

describe("a lease keeper", () => {
  it("trusts a lease from before its request was sent, and a margin less than the database does", () => {
    expect(trustedUntil(1_000, times)).toBe(13_000);
  });

  it("renews by the clock, and each renewal proves the lease from the moment it was sent", async () => {
    const sentAt: number[] = [];
    const { clock, keeper, claimedAt } = keep(async () => {
      sentAt.push(clock.monotonicMs());
      return accepted({ signals: [] });
    });
    for (let n = 1; n <= 4; n++) {
      await untilItWaits(clock);
      await clock.advance(times.renewMs);
      await eventually("it renewed", () => sentAt.length === n);
    }
    expect(sentAt.map((at) => at - claimedAt)).toEqual([5_000, 10_000, 15_000, 20_000]);
    await eventually("it trusts the newest", () => keeper.deadline() === trustedUntil(sentAt.at(-1)!, times));
    expect(keeper.lost.aborted).toBe(false);
    keeper.release();
  });

  it("gives up a margin before the expiry when the database never answers", async () => {
    const { clock, keeper, claimedAt } = keep(async () => {
      throw new Error("away");
    });
    await untilItWaits(clock);
    await clock.advance(times.ttlMs - times.marginMs - 1);
    expect(keeper.lost.aborted).toBe(false);
    await untilItWaits(clock);
    await clock.advance(1);
    await eventually("it gives up", () => keeper.lost.aborted);
    expect(clock.monotonicMs() - claimedAt).toBe(12_000);
    expect(reasonOf(keeper)).toBe("unproven");
  });

  it("loses at once what the database refuses to renew", async () => {
    const { clock, keeper } = keep(async () => refused("stale_lease"));
    await untilItWaits(clock);
    await clock.advance(times.renewMs);
    await eventually("it is lost", () => keeper.lost.aborted);
    expect(reasonOf(keeper)).toBe("stale_lease");
  });

  it("of a paused worker may write until the lease runs out", async () => {
    const { clock, keeper } = keep(async () => refused("worker_not_active"));
    await untilItWaits(clock);
    await clock.advance(times.renewMs * 2);
    expect(keeper.lost.aborted).toBe(false);
    await untilItWaits(clock);
    await clock.advance(2_000);
    await eventually("it gives up", () => keeper.lost.aborted);
    expect(reasonOf(keeper)).toBe("unproven");
  });

  it("hands each signal on once, and asks at once when one is announced", async () => {
    const signal = { signalId: "s-1", kind: "stop", payload: null } as unknown as Signal;
    let asked = 0;
    const { clock, keeper, signals } = keep(async () => {
      asked += 1;
      return accepted({ signals: [signal] });
    });
    for (let n = 1; n <= 2; n++) {
      await untilItWaits(clock);
      keeper.renewNow();
      await eventually("it asked", () => asked === n);
    }
    await untilItWaits(clock);
    expect(signals).toEqual([signal]);
    keeper.release();
  });

  it("stops asking once the attempt has ended", async () => {
    let asked = 0;
    const { clock, keeper } = keep(async () => {
      asked += 1;
      return accepted({ signals: [] });
    });
    await untilItWaits(clock);
    keeper.release();
    await eventually("nobody sleeps", () => clock.sleeping === 0);
    await clock.advance(60_000);
    expect([asked, keeper.lost.aborted]).toEqual([0, false]);
  });
});
