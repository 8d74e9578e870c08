import { sql } from "kysely";
import { platformChain } from "../audit/row-text.ts";
import { lockSealer, sealUpTo, type SealedChain } from "../audit/seal-audit.ts";
import type { Db } from "../database/open.ts";

export interface NewLife {
  epoch: string;
  era: number;
  /** The seals that close the life before: they too belong outside of the database. */
  closed: SealedChain[];
}

/**
 * Begins a new life of a database that was restored or copied, as its owner and while no service runs. Transactions may be
 * numbered anew there, from below what was sealed, and readers hold cursors to facts that were lost:
 *   the epoch changes        every cursor from before gets a fresh snapshot
 *   the feed is emptied      its order is that of transactions that never were here
 *   the audit's era changes  what is there is sealed, whatever its numbers; each chain goes on in a new era, whose first
 *                            row says so and whose first seal stands on the last one of the era before
 * Doing it once too often costs readers a snapshot and the chains a row.
 */
export function afterRestore(owner: Db): Promise<NewLife> {
  return owner.transaction().execute(async (tx) => {
    const sealer = await lockSealer(tx);
    if (sealer === undefined) throw new Error("the audit's sealer is at work: stop all services first");
    // Nobody is writing: what is there is all there is, up to its last transaction.
    await sql`lock table cowork.audit, cowork.feed in access exclusive mode`.execute(tx);
    const { rows: ends } = await sql<{ to: string }>`
      select greatest(${sealer.from}::text::bigint, 1 + max(xid::text::bigint))::text as to
        from cowork.audit where era = ${sealer.era}::int`.execute(tx);
    const closed = await sealUpTo(tx, { ...sealer, to: ends[0]!.to });

    const era = sealer.era + 1;
    await sql.raw(`alter table cowork.audit alter column era set default ${era}`).execute(tx);
    await sql`update cowork.audit_sealer set era = ${era}::int, sealed_to = '0'`.execute(tx);
    const { rows: planes } = await sql<{ epoch: string }>`
      update cowork.plane set epoch = default, database_oid = (select oid from pg_database where datname = current_database())
        returning epoch`.execute(tx);
    const { epoch } = planes[0]!;
    await sql`insert into cowork.audit (org_id, action, actor_kind, subject)
      select distinct nullif(s.chain, ${platformChain}::uuid), 'plane_restored', 'operator',
        jsonb_build_object('era', ${era}::int, 'epoch', ${epoch}::text) from cowork.audit_seals s`.execute(tx);
    await sql`truncate cowork.feed`.execute(tx);
    return { epoch, era, closed };
  });
}
