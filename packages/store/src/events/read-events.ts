import type { SessionEvent } from "@open-cowork/contracts/events";
import type { SessionId } from "@open-cowork/contracts/ids";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { eventColumns, toEvent } from "./event-rows.ts";

export interface EventPage {
  events: SessionEvent[];
  /** The newest seq that was allocated: what a reader that has caught up stands at. */
  through: number;
}

/**
 * The events after a position. Seqs are allocated under the lane's lock, so a reader never sees n+1 before n; a hole is
 * a delta that a later state of its part has superseded. `through` is read first: what commits meanwhile is only newer.
 */
export function readEvents(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
  after: number,
  limit: number,
): Promise<EventPage | null> {
  return inOrg(db, actor, async (tx) => {
    const lane = await tx
      .selectFrom("cowork.lanes")
      .select("next_seq")
      .where("org_id", "=", actor.orgId)
      .where("session_id", "=", sessionId)
      .executeTakeFirst();
    if (!lane) return null;
    const rows = await tx
      .selectFrom("cowork.session_events")
      .select(eventColumns)
      .where("session_id", "=", sessionId)
      .where("seq", ">", after)
      .orderBy("seq")
      .limit(limit)
      .execute();
    // A cursor from the future stands beyond `through`: its reader starts afresh.
    const newest = rows.at(-1)?.seq ?? 0;
    // A full page ends at its last row; otherwise everything up to the newest allocated seq has been seen.
    return { events: rows.map(toEvent), through: rows.length === limit ? newest : Math.max(newest, lane.next_seq - 1) };
  });
}
