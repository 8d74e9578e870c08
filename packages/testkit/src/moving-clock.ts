import { setImmediate as nextTurn } from "node:timers/promises";
import type { Clock } from "@open-cowork/contracts/clock";

/** A clock that stands still until a test moves it. */
export class MovingClock implements Clock {
  #ms: number;
  #sleepers: Array<{ dueMs: number; wake: () => void }> = [];

  constructor(start = "2026-01-01T00:00:00Z") {
    this.#ms = Date.parse(start);
  }

  now(): Date {
    return new Date(this.#ms);
  }

  monotonicMs(): number {
    return this.#ms;
  }

  /** How many are asleep: wait for it (`eventually`) before moving time past someone who is still on the way to bed. */
  get sleeping(): number {
    return this.#sleepers.length;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const leave = () => {
        this.#sleepers = this.#sleepers.filter((other) => other !== sleeper);
        signal?.removeEventListener("abort", onAbort);
      };
      const onAbort = () => {
        leave();
        reject(signal?.reason as Error);
      };
      const sleeper = {
        dueMs: this.#ms + ms,
        wake: () => {
          leave();
          resolve();
        },
      };
      this.#sleepers.push(sleeper);
      signal?.addEventListener("abort", onAbort, { once: true });
    });
  }

  /** Wakes every sleeper at its own instant, in order; a loop that goes back to sleep is woken again when due. */
  async advance(ms: number): Promise<void> {
    const end = this.#ms + ms;
    for (let next = this.#next(end); next !== undefined; next = this.#next(end)) {
      this.#ms = Math.max(this.#ms, next.dueMs);
      next.wake();
      await nextTurn();
    }
    this.#ms = end;
  }

  #next(endMs: number): { dueMs: number; wake: () => void } | undefined {
    return this.#sleepers.filter((sleeper) => sleeper.dueMs <= endMs).toSorted((a, b) => a.dueMs - b.dueMs)[0];
  }
}
