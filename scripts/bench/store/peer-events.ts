import pg from "pg";
import { query } from "./query.ts";
import { turnBatch } from "./streamed.ts";

/**
 * The event log that a user of a plain queue would keep: one table, one statement per batch, prepared, each a
 * transaction of its own. No fence, no order, no read model; that is the point of the comparison.
 */
export class PeerEvents {
  readonly pool: pg.Pool;

  constructor(url: string, connections: number) {
    this.pool = new pg.Pool({ connectionString: url, max: connections });
    this.pool.on("error", () => {});
  }

  static async prepare(url: string): Promise<void> {
    await query(
      url,
      `create table if not exists events (session_id text not null, seq bigint not null, type text not null,
        payload jsonb not null, at timestamptz not null default clock_timestamp(), primary key (session_id, seq))`,
    );
  }

  async append(session: string, batch: number): Promise<void> {
    const events = turnBatch(session, batch);
    const values = events.flatMap((event, n) => [
      session,
      batch * events.length + n,
      event.type,
      JSON.stringify(event.payload),
    ]);
    const rows = events.map((_, n) => `($${n * 4 + 1}, $${n * 4 + 2}, $${n * 4 + 3}, $${n * 4 + 4})`).join(", ");
    await this.pool.query({
      name: `append-${events.length}`,
      text: `insert into events (session_id, seq, type, payload) values ${rows}`,
      values,
    });
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}
