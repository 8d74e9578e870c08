import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { firstHead, platformChain, rowText } from "./row-text.ts";

export interface SealedChain {
  chain: string;
  sealNo: number;
  rows: number;
  /** Given to the outside, it proves later that nobody, the owner included, has made the chain anew. */
  head: string;
}

/**
 * Chains what has committed since the last call: one seal for each organisation that has new rows. The watermark is the
 * oldest transaction still running, so no row can join a sealed stretch later. Not in the action's own transaction,
 * which would make every claim and finish of an organisation wait for one row.
 */
export function sealAudit(db: Db): Promise<SealedChain[]> {
  return db.transaction().execute(async (tx) => {
    const { rows: sealers } = await sql<{ from: string }>`
      select sealed_to::text as from from cowork.audit_sealer for update skip locked`.execute(tx);
    const from = sealers[0]?.from;
    // Another scheduler is at it.
    if (from === undefined) return [];
    await tellOfLeftOut(tx);
    const { rows: watermarks } = await sql<{ to: string }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as to`.execute(tx);
    const to = watermarks[0]!.to;
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
    return sealed;
  });
}

/** Refusals of nobody's that were too many to leave a row each: their number, at most once a minute. */
async function tellOfLeftOut(tx: Tx): Promise<void> {
  await sql`with counted as (
      select c.total, c.total - s.left_out_told as untold from cowork.audit_sealer s,
          (select case when is_called then last_value else 0 end as total from cowork.refusals_left_out) c
        where c.total > s.left_out_told and s.left_out_told_at <= cowork.now() - interval '1 minute'
    ), noted as (
      insert into cowork.audit (action, actor_kind, subject)
        select 'refusals_left_out', 'scheduler', jsonb_build_object('count', c.untold) from counted c
    )
    update cowork.audit_sealer set left_out_told = c.total, left_out_told_at = cowork.now() from counted c`.execute(tx);
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
