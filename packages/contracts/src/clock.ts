/**
 * The only place in the product that reads a clock or sets a timer (tidy.test.ts holds everyone to it). Everything
 * else is handed a `Clock`, so that tests move time instead of sleeping through it.
 *
 * No worker's wall clock ever decides about a lease: Postgres does, by `cowork.now()`. `monotonicMs` is what a worker
 * measures its own deadline with, because it can't jump.
 */
export interface Clock {
  now(): Date;
  /** Milliseconds on a clock that never goes backwards; only differences mean anything. */
  monotonicMs(): number;
  /** Resolves after `ms`, or rejects with the signal's reason as soon as it aborts. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
}

export const systemClock: Clock = {
  now: () => new Date(),
  monotonicMs: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      if (signal?.aborted) return reject(signal.reason as Error);
      const onAbort = () => {
        clearTimeout(timer);
        reject(signal?.reason as Error);
      };
      const timer = setTimeout(() => {
        signal?.removeEventListener("abort", onAbort);
        resolve();
      }, ms);
      signal?.addEventListener("abort", onAbort, { once: true });
    }),
};

/** A signal that aborts after `ms`, with a reason that says what was waited for. Every wait gets one. */
export function deadline(ms: number, waitingFor: string): AbortSignal {
  const controller = new AbortController();
  const timer = setTimeout(() => controller.abort(new DeadlineExceeded(waitingFor, ms)), ms);
  timer.unref();
  return controller.signal;
}

/** Rejects with `DeadlineExceeded` when `promise` has not settled within `ms`; the promise itself goes on. */
export function within<T>(ms: number, waitingFor: string, promise: Promise<T>): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    const timer = setTimeout(() => reject(new DeadlineExceeded(waitingFor, ms)), ms);
    promise.then(resolve, reject).finally(() => clearTimeout(timer));
  });
}

export class DeadlineExceeded extends Error {
  override name = "DeadlineExceeded";
  constructor(waitingFor: string, ms: number) {
    super(`${waitingFor} did not answer within ${ms} ms`);
  }
}

/** Calls `tick` every `ms` until the returned function is called. Never keeps the process alive by itself. */
export function every(ms: number, tick: () => void): () => void {
  const timer = setInterval(tick, ms);
  timer.unref();
  return () => clearInterval(timer);
}

/** `ms` ± `share`, so that a fleet that started together does not poll together. */
export function jittered(ms: number, share = 0.2): number {
  return ms * (1 - share + Math.random() * 2 * share);
}
