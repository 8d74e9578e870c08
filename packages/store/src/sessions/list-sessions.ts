import type { SessionSummary } from "@open-cowork/contracts/http";
import { sql } from "kysely";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { selectSummaries, toSummary } from "./summary.ts";

export interface SessionPage {
  sessions: SessionSummary[];
  nextCursor: string | null;
}

/** Newest change first. The cursor is the last row's place in that order, so a page costs the same however deep it is. */
export function listSessions(
  db: Db,
  actor: Actor,
  page: { before?: string | undefined; limit: number },
): Promise<SessionPage> {
  return inOrg(db, actor, async (tx) => {
    const place = page.before ? parsePlace(page.before) : null;
    let query = selectSummaries(tx, actor)
      .orderBy("s.updated_at", "desc")
      .orderBy("s.session_id", "desc")
      .limit(page.limit + 1);
    if (place)
      query = query.where(
        sql<boolean>`(s.updated_at, s.session_id) < (${place.at}::timestamptz, ${place.sessionId}::uuid)`,
      );
    // Microseconds, which a Date does not keep: rows of one transaction would otherwise hide each other.
    const rows = await query
      .select(sql<string>`to_char(s.updated_at at time zone 'utc', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"')`.as("place"))
      .execute();
    const shown = rows.slice(0, page.limit);
    const last = shown.at(-1);
    return {
      sessions: shown.map(toSummary),
      nextCursor: rows.length > page.limit && last ? `${last.place}_${last.session_id}` : null,
    };
  });
}

/** Null for anything that no page of ours handed out; the list then starts at the top. */
function parsePlace(cursor: string): { at: string; sessionId: string } | null {
  const match = /^(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z)_([0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/.exec(cursor);
  return match ? { at: match[1]!, sessionId: match[2]! } : null;
}
