import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { firstHead, platformChain, rowText } from "./row-text.ts";

export interface SealedChain {
  chain: string;
  sealNo: number;
  rows: number;
  /** Given to the outside, it proves later that nobody, the owner included, has made the chain anew. */
  head: string;
}

/** A backlog, after an outage of the scheduler, is sealed in such pieces: a whole one would not fit into memory or deadline. */
const rowsAtOnce = 5_000;

/**
 * Chains what has committed since the last call, up to so many rows: one seal for each organisation that has new ones. The
 * watermark is the oldest transaction still running, so no row can join a sealed stretch later. Not in the action's own
 * transaction, which would make every claim and finish of an organisation wait for one row. `more`: call again at once.
 */
export function sealAudit(db: Db, most = rowsAtOnce): Promise<{ sealed: SealedChain[]; more: boolean }> {
  return db.transaction().execute(async (tx) => {
    const { rows: sealers } = await sql<{ from: string }>`
      select sealed_to::text as from from cowork.audit_sealer for update skip locked`.execute(tx);
    const from = sealers[0]?.from;
    // Another scheduler is at it.
    if (from === undefined) return { sealed: [], more: false };
    const { rows: watermarks } = await sql<{ to: string }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as to`.execute(tx);
    const bound = await boundOf(tx, from, watermarks[0]!.to, most);
    const to = bound ?? watermarks[0]!.to;
    const { rows } = await sql<{ chain: string; text: string }>`
      select coalesce(a.org_id, ${platformChain}::uuid) as chain, ${rowText} as text from cowork.audit a
        where a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8 order by 1, a.xid, a.audit_id`.execute(tx);
    const sealed: SealedChain[] = [];
    for (const [chain, texts] of groupByChain(rows)) {
      const { rows: previous } = await sql<{ seal_no: number; head: string }>`
        select seal_no, head from cowork.audit_seals where chain = ${chain} order by seal_no desc limit 1`.execute(tx);
      const sealNo = (previous[0]?.seal_no ?? 0) + 1;
      const before = previous[0]?.head ?? firstHead;
      const rowsHash = hashRows(texts);
      const head = hashSeal({ chain, sealNo, from, to, rows: texts.length, rowsHash, previous: before });
      await sql`insert into cowork.audit_seals (chain, seal_no, from_xid, to_xid, row_count, rows_sha256, previous, head)
        values (${chain}, ${sealNo}, ${from}::text::xid8, ${to}::text::xid8, ${texts.length}, ${rowsHash}, ${before}, ${head})`.execute(
        tx,
      );
      sealed.push({ chain, sealNo, rows: texts.length, head });
    }
    await sql`update cowork.audit_sealer set sealed_to = ${to}::text::xid8`.execute(tx);
    return { sealed, more: bound !== undefined };
  });
}

/** Where to stop when more rows wait than may be sealed at once: between two transactions, and behind the first of them. */
async function boundOf(tx: Db, from: string, to: string, most: number): Promise<string | undefined> {
  const { rows } = await sql<{ bound: string }>`
    select greatest(b.xid::text::bigint, 1 + (
        select min(a.xid::text::bigint) from cowork.audit a where a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8))::text as bound
      from (select a.xid from cowork.audit a where a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8
        order by a.xid offset ${most}::int limit 1) b`.execute(tx);
  return rows[0]?.bound;
}

export function hashRows(texts: readonly string[]): string {
  const hash = createHash("sha256");
  // Length first, so that no two lists of rows read the same.
  for (const text of texts) hash.update(`${Buffer.byteLength(text)}:`).update(text);
  return hash.digest("hex");
}

export interface SealContent {
  chain: string;
  sealNo: number;
  from: string;
  to: string;
  rows: number;
  rowsHash: string;
  previous: string;
}

export function hashSeal(seal: SealContent): string {
  const { chain, sealNo, from, to, rows, rowsHash, previous } = seal;
  return createHash("sha256")
    .update(JSON.stringify([chain, sealNo, from, to, rows, rowsHash, previous]))
    .digest("hex");
}

function groupByChain(rows: Array<{ chain: string; text: string }>): Map<string, string[]> {
  const chains = new Map<string, string[]>();
  for (const { chain, text } of rows) {
    const texts = chains.get(chain);
    if (texts) texts.push(text);
    else chains.set(chain, [text]);
  }
  return chains;
}
