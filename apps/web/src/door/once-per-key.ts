import { createHash } from "node:crypto";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { refusals, type Reason } from "@open-cowork/contracts/refusals";
import { limits } from "@open-cowork/contracts/timings";
import type { Db } from "@open-cowork/store/database/open";
import { once } from "@open-cowork/store/idempotency/once";
import type { Door } from "./mount-routes.ts";
import type { DoorRefusal, PersonVisit } from "./visit.ts";

const wellFormed = new RegExp(`^[\\x21-\\x7e]{1,${limits.idempotencyKeyChars}}$`);

/**
 * A write with an `Idempotency-Key` acts once for it, however often it is sent: whoever lost an answer asks again and
 * gets it. A refusal that may pass is not remembered, because the caller is told to try again.
 */
export async function oncePerKey<T, R extends Reason>(
  { database }: Door,
  visit: PersonVisit,
  body: unknown,
  act: (db: Db) => Promise<Outcome<T, R>>,
): Promise<Outcome<T> | DoorRefusal> {
  const { c, person } = visit;
  const key = c.req.header("idempotency-key");
  if (key === undefined) return act(database.db);
  if (!wellFormed.test(key)) {
    const message = `Send 1 to ${limits.idempotencyKeyChars} visible ASCII characters.`;
    return { ok: false, reason: "invalid_request", details: [{ path: "Idempotency-Key", message }] };
  }
  // The same key for another address is as much a mistake as for another body.
  const asked = JSON.stringify([c.req.method, c.req.path, body]);
  const bodyHash = createHash("sha256").update(asked).digest("hex");
  const request = { principal: person.userId, key, bodyHash, validHours: limits.idempotencyHours };
  const answered = await once(database.db, person, request, act, (outcome) => outcome.ok || !isPassing(outcome.reason));
  return answered.ok ? answered.value : answered;
}

function isPassing(reason: Reason): boolean {
  return refusals[reason].retryable;
}
