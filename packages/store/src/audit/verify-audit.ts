import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { firstHead, platformChain, rowText } from "./row-text.ts";
import { hashRows, hashSeal } from "./seal-audit.ts";

export interface BrokenSeal {
  chain: string;
  era: number;
  sealNo: number;
  /**
   * rows: one was removed, added, edited or moved. chain: the seal itself was. head: it is not the one given outside.
   * lost: given outside, and gone since a restore from an older backup.
   */
  problem: "rows" | "chain" | "head" | "lost";
}

interface SealRow {
  era: number;
  seal_no: number;
  from_xid: string;
  to_xid: string;
  row_count: number;
  rows_sha256: string;
  previous: string;
  head: string;
  /** Of months that retention has dropped: its rows are gone, at least some of them, and it vouches for its link only. */
  dropped: boolean;
}

/**
 * Recomputes the chains and says where one is broken. `knownHeads` are heads that were given to the outside (see
 * `headKey`): without them an owner who made a whole chain anew would not be found out.
 */
export async function verifyAudit(db: Db, knownHeads: ReadonlyMap<string, string> = new Map()): Promise<BrokenSeal[]> {
  const { rows: sealers } = await sql<Sealer>`select era, sealed_to::text as to from cowork.audit_sealer`.execute(db);
  const sealer = sealers[0]!;
  // Also those without a seal: rows may have been added for one, or all its seals removed.
  const { rows } = await sql<{ chain: string }>`
    select chain from cowork.audit_seals
    union select coalesce(a.org_id, ${platformChain}::uuid) from cowork.audit a
      where a.era <> ${sealer.era}::int or a.xid < ${sealer.to}::text::xid8`.execute(db);
  const chains = new Set([...rows.map((row) => row.chain), ...[...knownHeads.keys()].map((key) => key.split("#")[0]!)]);
  const broken: BrokenSeal[] = [];
  for (const chain of [...chains].sort()) broken.push(...(await verifyChain(db, chain, sealer, knownHeads)));
  return broken;
}

/** How a caller names a head in `knownHeads`. */
export function headKey({ chain, era, sealNo }: { chain: string; era: number; sealNo: number }): string {
  return `${chain}#${era}#${sealNo}`;
}

interface Sealer {
  era: number;
  to: string;
}

async function verifyChain(
  db: Db,
  chain: string,
  sealer: Sealer,
  knownHeads: ReadonlyMap<string, string>,
): Promise<BrokenSeal[]> {
  const { rows: seals } = await sql<SealRow>`
    select era, seal_no, from_xid::text, to_xid::text, row_count, rows_sha256, previous, head,
      first_at < (select dropped_before from cowork.audit_sealer) as dropped from cowork.audit_seals
      where chain = ${chain} order by era, seal_no`.execute(db);
  const broken: BrokenSeal[] = [];
  const last = new Map<number, number>();
  let previous = firstHead;
  for (let era = 1; era <= sealer.era; era += 1) {
    let sealNo = 0;
    // A seal answers for everything since the one before: where there was nothing to seal, nothing may appear later.
    let through = "0";
    for (const seal of seals.filter((one) => one.era === era)) {
      sealNo += 1;
      const at = { chain, era, sealNo };
      const rows = await readRows(db, { chain, era, from: through, to: seal.to_xid });
      through = seal.to_xid;
      const rowsHash = hashRows(rows);
      const whole = rowsHash === seal.rows_sha256 && rows.length === seal.row_count;
      if (!whole && !seal.dropped) broken.push({ ...at, problem: "rows" });
      const { from_xid: from, to_xid: to, row_count: count, rows_sha256 } = seal;
      const head = hashSeal({ ...at, from, to, rows: count, rowsHash: rows_sha256, previous });
      if (seal.seal_no !== sealNo || seal.previous !== previous || seal.head !== head)
        broken.push({ ...at, problem: "chain" });
      const known = knownHeads.get(headKey(at));
      if (known !== undefined && known !== seal.head) broken.push({ ...at, problem: "head" });
      previous = seal.head;
    }
    // Nothing of an era that is over is unsealed.
    const rest = await readRows(db, { chain, era, from: through, to: era === sealer.era ? sealer.to : endOfEra });
    if (rest.length > 0) broken.push({ chain, era, sealNo: sealNo + 1, problem: "rows" });
    last.set(era, sealNo);
  }
  const { rows: beyond } = await sql`select from cowork.audit a
    where coalesce(a.org_id, ${platformChain}::uuid) = ${chain} and not a.era between 1 and ${sealer.era}::int limit 1`.execute(
    db,
  );
  if (beyond.length > 0 || seals.some((seal) => !last.has(seal.era)))
    broken.push({ chain, era: sealer.era + 1, sealNo: 1, problem: "rows" });
  return [...broken, ...missing(chain, sealer.era, last, knownHeads)];
}

/** Heads that were given outside for seals that are gone: the chain was cut, or restored from before they were made. */
function missing(
  chain: string,
  current: number,
  last: ReadonlyMap<number, number>,
  knownHeads: ReadonlyMap<string, string>,
): BrokenSeal[] {
  return [...knownHeads.keys()].flatMap((key): BrokenSeal[] => {
    const [of, eraText, sealText] = key.split("#");
    const [era, sealNo] = [Number(eraText), Number(sealText)];
    if (of !== chain || sealNo <= (last.get(era) ?? 0)) return [];
    return [{ chain, era, sealNo, problem: era < current ? "lost" : "head" }];
  });
}

/** Beyond every transaction. */
const endOfEra = "18446744073709551615";

async function readRows(
  db: Db,
  { chain, era, from, to }: { chain: string; era: number; from: string; to: string },
): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`
    select ${rowText} as text from cowork.audit a
      where coalesce(a.org_id, ${platformChain}::uuid) = ${chain} and a.era = ${era}::int
        and a.xid >= ${from}::text::xid8 and a.xid < ${to}::text::xid8
      order by a.xid, a.audit_id`.execute(db);
  return rows.map((row) => row.text);
}
