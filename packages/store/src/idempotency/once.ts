import type { UserId } from "@open-cowork/contracts/ids";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import { inOrg, type Actor, type Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

export interface OnceRequest {
  /** Who sent the key: keys of two people or two tokens never meet. */
  principal: UserId | (string & {});
  key: string;
  /** sha256 of what was asked, in hex: the same key for something else is a mistake of the caller. */
  bodyHash: string;
  validHours: number;
  /** How long to wait for another request with this key that is still acting; then the caller may try again. */
  waitMs?: number;
}

type Answer = object | string | number | boolean | null;

/**
 * Acts once per key: a repeat within its time gets the first answer and acts no more. The answer is stored in the act's
 * own transaction, so there is never one without the other. Race closed: two requests with one key at once; the insert
 * takes the key's row, the second waits for the first (bounded) and then reads its answer, or acts itself when the first
 * one failed. An act that throws leaves the key free, and so does an answer that `isFinal` denies: what it wrote stays.
 */
export function once<T extends Answer>(
  db: Db,
  actor: Actor,
  request: OnceRequest,
  act: (tx: Tx) => Promise<T>,
  isFinal: (answer: T) => boolean = () => true,
): Promise<Outcome<T, "idempotency_conflict">> {
  const { principal, key, bodyHash, validHours, waitMs = 5_000 } = request;
  return inOrg(db, actor, async (tx) => {
    await sql`select set_config('lock_timeout', ${`${waitMs}ms`}, true)`.execute(tx);
    const taken = await sql`
      insert into cowork.idempotency as i (org_id, principal, key, body_hash, answer, expires_at)
        values (${actor.orgId}, ${principal}, ${key}, ${bodyHash}, '{}', cowork.now() + make_interval(hours => ${validHours}::int))
        on conflict (org_id, principal, key) do update
          set body_hash = excluded.body_hash, answer = excluded.answer, expires_at = excluded.expires_at
          where i.expires_at <= cowork.now()
        returning key`.execute(tx);
    const place = sql`org_id = ${actor.orgId} and principal = ${principal} and key = ${key}`;
    if (taken.rows.length === 0) {
      // A statement of its own: it sees what the one we waited for has committed.
      const { rows } = await sql<{ body_hash: string; answer: { value: T } }>`
        select body_hash, answer from cowork.idempotency where ${place}`.execute(tx);
      const first = rows[0]!;
      return first.body_hash === bodyHash ? accepted(first.answer.value) : refused("idempotency_conflict");
    }
    const value = await act(tx);
    if (!isFinal(value)) {
      await sql`delete from cowork.idempotency where ${place}`.execute(tx);
      return accepted(value);
    }
    // What a repeat will get is what the first one gets: as the database keeps it, wrapped because it may be null.
    const { rows } = await sql<{ answer: { value: T } }>`
      update cowork.idempotency set answer = ${{ value }}::jsonb where ${place} returning answer`.execute(tx);
    return accepted(rows[0]!.answer.value);
  });
}
