import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface QueueMeasure {
  depth: Record<"queued" | "ready" | "leased" | "parked", number>;
  oldestReadySeconds: number;
}

/** What waits, for the operator's gauges. */
export async function measureQueue(db: Db): Promise<QueueMeasure> {
  const { rows } = await sql<QueueMeasure["depth"] & { oldest: number | null }>`
    select count(*) filter (where status = 'queued')::int as queued, count(*) filter (where status = 'ready')::int as ready,
      count(*) filter (where status = 'leased')::int as leased, count(*) filter (where status = 'parked')::int as parked,
      extract(epoch from cowork.now() - min(ready_at) filter (where status = 'ready'))::float8 as oldest
    from cowork.work where status in ('queued', 'ready', 'leased', 'parked')`.execute(db);
  const { oldest, ...depth } = rows[0]!;
  return { depth, oldestReadySeconds: oldest ?? 0 };
}
