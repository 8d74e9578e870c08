import type { Clock } from "@open-cowork/contracts/clock";

interface Bucket {
  tokens: number;
  filledAtMs: number;
}

/**
 * One token bucket per route and principal: it holds a minute's worth and refills evenly. The map is bounded; the
 * bucket that was used longest ago goes first, because by then it is the nearest to full, and a full bucket and an
 * absent one are the same.
 */
export class RateLimit {
  readonly #clock: Clock;
  readonly #most: number;
  readonly #buckets = new Map<string, Bucket>();

  constructor(clock: Clock, most = 20_000) {
    this.#clock = clock;
    this.#most = most;
  }

  /** 0 when the request may pass, else the seconds until the next one may. */
  take(key: string, perMinute: number): number {
    const now = this.#clock.monotonicMs();
    const perMs = perMinute / 60_000;
    const before = this.#buckets.get(key) ?? { tokens: perMinute, filledAtMs: now };
    const tokens = Math.min(perMinute, before.tokens + (now - before.filledAtMs) * perMs);
    const passes = tokens >= 1;
    // Deleting first moves the key to the end: the map's own order is the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: passes ? tokens - 1 : tokens, filledAtMs: now });
    this.#forgetOldest();
    return passes ? 0 : Math.ceil((1 - tokens) / perMs / 1000);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#most) return;
      this.#buckets.delete(key);
    }
  }
}
