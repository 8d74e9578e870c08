import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Tx } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { restoredProblem } from "../database/self-check.ts";
import { firstHead, platformChain, rowText } from "./row-text.ts";

export interface SealedChain {
  chain: string;
  /** Which life of the database, see after-restore.ts; seals are numbered anew in each. */
  era: number;
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
    const sealer = await lockSealer(tx);
    // Another scheduler is at it.
    if (sealer === undefined) return { sealed: [], more: false };
    await tellOfLeftOut(tx);
    const { rows: watermarks } = await sql<{ to: string }>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as to`.execute(tx);
    const to = watermarks[0]!.to;
    // Never back: what was sealed there is not what is there now.
    if (BigInt(to) < BigInt(sealer.from)) throw new Error(restoredProblem);
    const bound = await boundOf(tx, { ...sealer, to }, most);
    return { sealed: await sealUpTo(tx, { ...sealer, to: bound ?? to }), more: bound !== undefined };
  });
}

/** A stretch of transactions, in one life of the database. */
export interface Stretch {
  era: number;
  from: string;
  to: string;
}

/** Where the sealer stands, held until the transaction ends. */
export async function lockSealer(tx: Db): Promise<Omit<Stretch, "to"> | undefined> {
  const { rows } = await sql<Omit<Stretch, "to">>`
    select era, sealed_to::text as from from cowork.audit_sealer for update skip locked`.execute(tx);
  return rows[0];
}

/** Seals a stretch in which nothing runs any more, and moves the sealer on. */
export async function sealUpTo(tx: Db, { era, from, to }: Stretch): Promise<SealedChain[]> {
  const { rows } = await sql<{ chain: string; text: string; at: string }>`
    select coalesce(a.org_id, ${platformChain}::uuid) as chain, ${rowText} as text, a.at::text as at from cowork.audit a
      where a.era = ${era}::int and a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8
      order by 1, a.xid, a.audit_id`.execute(tx);
  const sealed: SealedChain[] = [];
  for (const [chain, own] of Map.groupBy(rows, (row) => row.chain)) {
    const texts = own.map((row) => row.text);
    // The first of an era stands on the last of the one before.
    const { rows: heads } = await sql<{ era: number; seal_no: number; head: string }>`
      select era, seal_no, head from cowork.audit_seals where chain = ${chain} order by era desc, seal_no desc limit 1`.execute(
      tx,
    );
    const sealNo = (heads[0]?.era === era ? heads[0].seal_no : 0) + 1;
    const previous = heads[0]?.head ?? firstHead;
    const rowsHash = hashRows(texts);
    const head = hashSeal({ chain, era, sealNo, from, to, rows: texts.length, rowsHash, previous });
    await sql`insert into cowork.audit_seals (chain, era, seal_no, from_xid, to_xid, first_at, row_count, rows_sha256, previous, head)
      values (${chain}, ${era}::int, ${sealNo}, ${from}::text::xid8, ${to}::text::xid8,
        (select min(t::timestamptz) from jsonb_array_elements_text(${own.map((row) => row.at)}::jsonb) t), ${texts.length}, ${rowsHash}, ${previous}, ${head})`.execute(
      tx,
    );
    sealed.push({ chain, era, sealNo, rows: texts.length, head });
  }
  await sql`update cowork.audit_sealer set sealed_to = ${to}::text::xid8`.execute(tx);
  return sealed;
}

/** Where to stop when more rows wait than may be sealed at once: between two transactions, and behind the first of them. */
async function boundOf(tx: Db, { era, from, to }: Stretch, most: number): Promise<string | undefined> {
  const open = sql`from cowork.audit a
    where a.era = ${era}::int and a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8`;
  const { rows } = await sql<{ bound: string }>`
    select greatest(b.xid::text::bigint, 1 + (select min(a.xid)::text::bigint ${open}))::text as bound
      from (select a.xid ${open} order by a.xid offset ${most}::int limit 1) b`.execute(tx);
  return rows[0]?.bound;
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
  era: number;
  sealNo: number;
  from: string;
  to: string;
  rows: number;
  rowsHash: string;
  previous: string;
}

export function hashSeal(seal: SealContent): string {
  const { chain, era, sealNo, from, to, rows, rowsHash, previous } = seal;
  return createHash("sha256")
    .update(JSON.stringify([chain, era, sealNo, from, to, rows, rowsHash, previous]))
    .digest("hex");
}
