import { within, type Clock } from "@open-cowork/contracts/clock";
import type { Outcome } from "@open-cowork/contracts/outcome";
import type { Reason } from "@open-cowork/contracts/refusals";
import type { Signal } from "@open-cowork/store/worker-api/lease";
import type { RenewRefusal } from "@open-cowork/store/worker-api/renew-leases";

/**
 * Renews one lease by the clock, whatever the turn is doing, and knows until when it may be trusted. No wall clock: the
 * proof of a lease counts from the moment before its request was sent, on a clock that can't jump, and ends a margin
 * before the database's own expiry. One keeper per lease, so that no lane waits for another one's row.
 */
export interface LeaseKeeper {
  /** Aborts when the lease can't be trusted any more; its reason is a `LeaseLost`. */
  readonly lost: AbortSignal;
  /** Monotonic time at which trust ends. */
  deadline(): number;
  /** Asks now, because a signal is said to wait. */
  renewNow(): void;
  /** Declares it lost: another verb was refused. */
  lose(reason: Reason): void;
  /** The attempt has ended; nothing is renewed any more. */
  release(): void;
}

export class LeaseLost extends Error {
  override name = "LeaseLost";
  readonly reason: Reason | "unproven";
  constructor(reason: Reason | "unproven") {
    super(`the lease is lost (${reason})`);
    this.reason = reason;
  }
}

export interface LeaseTimes {
  ttlMs: number;
  renewMs: number;
  marginMs: number;
}

/** Until when a lease may be trusted that was granted or renewed by a request sent at `sentAt`. */
export function trustedUntil(sentAt: number, times: LeaseTimes): number {
  return sentAt + times.ttlMs - times.marginMs;
}

const retryMs = 500;

export function keepLease(options: {
  /** Monotonic time before the claim was sent. */
  claimedAt: number;
  times: LeaseTimes;
  clock: Clock;
  renew(): Promise<Outcome<{ signals: Signal[] }, RenewRefusal>>;
  /** Each signal once. */
  onSignal(signal: Signal): void;
  /** The database did not answer; the keeper goes on until the deadline. */
  onTrouble(error: unknown): void;
}): LeaseKeeper {
  const { clock, times, onSignal, onTrouble } = options;
  const lost = new AbortController();
  const released = new AbortController();
  const over = AbortSignal.any([lost.signal, released.signal]);
  const heard = new Set<string>();
  let trust = trustedUntil(options.claimedAt, times);
  let nextAt = options.claimedAt + times.renewMs;
  let wake = new AbortController();

  const lose = (reason: LeaseLost["reason"]) => {
    if (!over.aborted) lost.abort(new LeaseLost(reason));
  };

  const renewOnce = async () => {
    const sentAt = clock.monotonicMs();
    nextAt = sentAt + times.renewMs;
    try {
      const outcome = await within(Math.max(1, trust - sentAt), "renewing the lease", options.renew());
      if (over.aborted) return;
      if (outcome.ok) {
        trust = trustedUntil(sentAt, times);
        for (const signal of outcome.value.signals) {
          if (heard.has(signal.signalId)) continue;
          heard.add(signal.signalId);
          onSignal(signal);
        }
      } else if (outcome.reason !== "worker_not_active") lose(outcome.reason);
      // A paused worker is not renewed, but may write until the lease expires; so may this one.
    } catch (error) {
      nextAt = sentAt + retryMs;
      if (!over.aborted) onTrouble(error);
    }
  };

  const keep = async () => {
    while (!over.aborted) {
      const now = clock.monotonicMs();
      if (now >= trust) return lose("unproven");
      if (now >= nextAt) await renewOnce();
      else {
        wake = new AbortController();
        await clock.sleep(Math.min(nextAt, trust) - now, AbortSignal.any([wake.signal, over])).catch(() => {});
      }
    }
  };
  void keep();

  return {
    lost: lost.signal,
    deadline: () => trust,
    renewNow: () => {
      nextAt = clock.monotonicMs();
      wake.abort();
    },
    lose,
    release: () => released.abort(),
  };
}
