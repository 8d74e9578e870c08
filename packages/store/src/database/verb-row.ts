import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import type { Reason } from "@open-cowork/contracts/refusals";

/** What every verb returns per input: refusals are rows, so that their evidence commits. */
export interface VerbRow<T> {
  ok: boolean;
  reason: string | null;
  answer: T | null;
}

export function toOutcome<T, R extends Reason>(row: VerbRow<T> | undefined): Outcome<T, R> {
  if (!row) throw new Error("the verb answered no row for an input");
  return row.ok ? accepted(row.answer as T) : refused(row.reason as R);
}

/** Answers of a batch come in lock order; this puts them back into the order of the inputs. */
export function inInputOrder<T, R extends Reason>(
  rows: Array<VerbRow<T> & { idx: number }>,
  inputs: number,
): Array<Outcome<T, R>> {
  const byIndex = new Map(rows.map((row) => [row.idx, row]));
  return Array.from({ length: inputs }, (_, n) => toOutcome<T, R>(byIndex.get(n + 1)));
}
