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
    const tokens = this.#tokens(key, perMinute);
    // Deleting first moves the key to the end: the map's own order is the order of use.
    this.#buckets.delete(key);
    this.#buckets.set(key, { tokens: tokens >= 1 ? tokens - 1 : tokens, filledAtMs: this.#clock.monotonicMs() });
    this.#forgetOldest();
    return secondsUntilOne(tokens, perMinute);
  }

  /** What `take` would answer, without taking. */
  waitSeconds(key: string, perMinute: number): number {
    return secondsUntilOne(this.#tokens(key, perMinute), perMinute);
  }

  get size(): number {
    return this.#buckets.size;
  }

  #tokens(key: string, perMinute: number): number {
    const bucket = this.#buckets.get(key);
    if (!bucket) return perMinute;
    const passedMs = this.#clock.monotonicMs() - bucket.filledAtMs;
    return Math.min(perMinute, bucket.tokens + passedMs * perMs(perMinute));
  }

  #forgetOldest(): void {
    for (const key of this.#buckets.keys()) {
      if (this.#buckets.size <= this.#most) return;
      this.#buckets.delete(key);
    }
  }
}

function secondsUntilOne(tokens: number, perMinute: number): number {
  return tokens >= 1 ? 0 : Math.ceil((1 - tokens) / perMs(perMinute) / 1000);
}

function perMs(perMinute: number): number {
  return perMinute / 60_000;
}
