import { refused, type Outcome } from "@open-cowork/contracts/outcome";
import type { Reason } from "@open-cowork/contracts/refusals";
import { QueryFailed } from "../database/query-failed.ts";

/**
 * Calls a verb for several lanes at once. What Postgres can't read or store fails the whole call, and agents make such
 * things: then each lane is asked for alone, and only the one whose input it is gets refused. Here and not in the verb,
 * where it would cost every call a subtransaction.
 */
export async function byLane<I, T, R extends Reason>(
  inputs: readonly I[],
  call: (inputs: readonly I[]) => Promise<Array<Outcome<T, R>>>,
): Promise<Array<Outcome<T, R | "batch_malformed">>> {
  try {
    return await call(inputs);
  } catch (error) {
    if (!isMalformed(error)) throw error;
    if (inputs.length === 1) return [refused("batch_malformed")];
  }
  const answers: Array<Outcome<T, R | "batch_malformed">> = [];
  for (const input of inputs) answers.push(...(await byLane([input], call)));
  return answers;
}

/** Data that can't be read; an id that is missing or too long; too large for an index, too deep; an ask that is known. */
function isMalformed(error: unknown): boolean {
  if (!(error instanceof QueryFailed)) return false;
  // Any other key that is there twice is a bug of ours.
  return (
    /^(22...|23502|23514|54...)$/.test(error.code) ||
    (error.code === "23505" && (error.constraint ?? "").startsWith("decisions_"))
  );
}
