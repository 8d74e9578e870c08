import type { Reason } from "./refusals.ts";

/** What the caller can act on is a value with a reason; everything else is a bug and throws. */
export type Outcome<T, R extends Reason = Reason> = { ok: true; value: T } | Refused<R>;

export interface Refused<R extends Reason = Reason> {
  ok: false;
  reason: R;
}

export function accepted<T>(value: T): { ok: true; value: T } {
  return { ok: true, value };
}

export function refused<R extends Reason>(reason: R): Refused<R> {
  return { ok: false, reason };
}
