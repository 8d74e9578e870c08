import { sql } from "kysely";
import type { Db } from "../database/open.ts";
import { firstHead, platformChain, rowText } from "./row-text.ts";
import { hashRows, hashSeal } from "./seal-audit.ts";

export interface BrokenSeal {
  chain: string;
  sealNo: number;
  /** rows: one was removed, added, edited or moved. chain: the seal itself was. head: it is not the one given outside. */
  problem: "rows" | "chain" | "head";
}

interface SealRow {
  seal_no: number;
  from_xid: string;
  to_xid: string;
  row_count: number;
  rows_sha256: string;
  previous: string;
  head: string;
}

/**
 * Recomputes the chains and says where one is broken. `knownHeads` are heads that were given to the outside (chain and
 * seal number to head): without them an owner who made a whole chain anew would not be found out.
 */
export async function verifyAudit(db: Db, knownHeads: ReadonlyMap<string, string> = new Map()): Promise<BrokenSeal[]> {
  const { rows: sealers } = await sql<{ to: string }>`select sealed_to::text as to from cowork.audit_sealer`.execute(
    db,
  );
  const sealedTo = sealers[0]!.to;
  // Also those without a seal: rows may have been added for one, or all its seals removed.
  const { rows } = await sql<{ chain: string }>`
    select chain from cowork.audit_seals
    union select coalesce(a.org_id, ${platformChain}::uuid) from cowork.audit a where a.xid < ${sealedTo}::text::xid8`.execute(
    db,
  );
  const chains = new Set([...rows.map((row) => row.chain), ...[...knownHeads.keys()].map((key) => key.split("#")[0]!)]);
  const broken: BrokenSeal[] = [];
  for (const chain of [...chains].sort()) broken.push(...(await verifyChain(db, chain, sealedTo, knownHeads)));
  return broken;
}

/** How a caller names a head in `knownHeads`. */
export function headKey(chain: string, sealNo: number): string {
  return `${chain}#${sealNo}`;
}

async function verifyChain(
  db: Db,
  chain: string,
  sealedTo: string,
  knownHeads: ReadonlyMap<string, string>,
): Promise<BrokenSeal[]> {
  const { rows: seals } = await sql<SealRow>`
    select seal_no, from_xid::text, to_xid::text, row_count, rows_sha256, previous, head from cowork.audit_seals
      where chain = ${chain} order by seal_no`.execute(db);
  const broken: BrokenSeal[] = [];
  let previous = firstHead;
  let sealNo = 0;
  // Each seal answers for everything since the one before: where there was nothing to seal, nothing may appear later.
  let through = "0";
  const readRows = (to: string) =>
    sql<{ text: string }>`
    select ${rowText} as text from cowork.audit a
      where coalesce(a.org_id, ${platformChain}::uuid) = ${chain}
        and a.xid >= ${through}::text::xid8 and a.xid < ${to}::text::xid8
      order by a.xid, a.audit_id`.execute(db);
  for (const seal of seals) {
    sealNo += 1;
    const { rows } = await readRows(seal.to_xid);
    through = seal.to_xid;
    const rowsHash = hashRows(rows.map((row) => row.text));
    if (rowsHash !== seal.rows_sha256 || rows.length !== seal.row_count)
      broken.push({ chain, sealNo, problem: "rows" });
    const { from_xid: from, to_xid: to, row_count: count, rows_sha256 } = seal;
    const head = hashSeal({ chain, sealNo, from, to, rows: count, rowsHash: rows_sha256, previous });
    if (seal.seal_no !== sealNo || seal.previous !== previous || seal.head !== head) {
      broken.push({ chain, sealNo, problem: "chain" });
    }
    const known = knownHeads.get(headKey(chain, sealNo));
    if (known !== undefined && known !== seal.head) broken.push({ chain, sealNo, problem: "head" });
    previous = seal.head;
  }
  if ((await readRows(sealedTo)).rows.length > 0) broken.push({ chain, sealNo: sealNo + 1, problem: "rows" });
  // A head that was given outside for a seal that is gone: the chain was cut.
  for (const key of knownHeads.keys()) {
    const [of, number] = key.split("#");
    if (of === chain && Number(number) > sealNo) broken.push({ chain, sealNo: Number(number), problem: "head" });
  }
  return broken;
}
