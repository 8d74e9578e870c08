import { sql } from "kysely";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

export interface FeedFact {
  topic: "session" | "inbox" | "fleet";
  entityId: string;
  at: string;
}

export interface FeedPage {
  facts: FeedFact[];
  /** Where the next page starts: `xid.id`. */
  cursor: string;
  /** The cursor was older than what is kept: what lies between is not told, so lists are to be read anew. */
  missed: boolean;
}

/**
 * Coarse facts after a cursor, in an order that hides none: only those of transactions older than every one that still
 * runs, since a number alone would step over a row that commits late. A new reader starts at the present.
 */
export function readFeed(db: Db, actor: Actor, cursor: string | null, limit: number): Promise<FeedPage> {
  return inOrg(db, actor, async (tx) => {
    const { rows: planes } = await sql<{ now: string; forgotten: string }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as now, feed_forgotten::text as forgotten from cowork.plane`.execute(
      tx,
    );
    const { now, forgotten } = planes[0]!;
    const place = /^(\d{1,19})\.(\d{1,18})$/.exec(cursor ?? "");
    const missed = place !== null && BigInt(place[1]!) <= BigInt(forgotten);
    if (!place || missed) return { facts: [], cursor: `${now}.0`, missed };
    const { rows } = await sql<{ xid: string; id: string; topic: FeedFact["topic"]; entity_id: string; at: Date }>`
      select f.xid::text as xid, f.feed_id::text as id, f.topic, f.entity_id, f.at from cowork.feed f
        where f.org_id = ${actor.orgId} and (f.xid, f.feed_id) > (${place[1]!}::text::xid8, ${place[2]!}::text::bigint)
          and f.xid < pg_snapshot_xmin(pg_current_snapshot())
        order by f.xid, f.feed_id limit ${limit}`.execute(tx);
    const last = rows.at(-1);
    return {
      facts: rows.map((row) => ({ topic: row.topic, entityId: row.entity_id, at: row.at.toISOString() })),
      cursor: last ? `${last.xid}.${last.id}` : cursor!,
      missed: false,
    };
  });
}
