import { systemClock } from "@open-cowork/contracts/clock";
import type { Channel } from "@open-cowork/contracts/channels";
import { Kysely, PostgresDialect, type PostgresPool } from "kysely";
import type { Rows } from "./connection.ts";
import { Pool } from "./pool.ts";
import type { Schema } from "./schema.ts";
import { Wire } from "./wire.ts";

export type Db = Kysely<Schema>;
export type PoolName = "verbs" | "streams" | "probes";

export interface DatabaseOptions {
  url: string;
  applicationName: string;
  /** No query waits longer, whatever happens to the server or the network. */
  deadlineMs: number;
  connections: number;
  /** Behind a transaction pooler: nothing prepared, nothing listened to; polling does the rest. */
  transactionPooler: boolean;
  /** Only for the owner's migrations, see Connection. */
  scripts?: boolean;
  /** What makes the plans of this process's verbs, for connections that are opened while others are busy. */
  warmUp?: readonly string[];
  onQuery?: (pool: PoolName, seconds: number, outcome: "ok" | "error") => void;
}

/**
 * A process's way to Postgres: three pools, so that neither a flood of stream readers nor a stuck verb can starve the
 * other or the readiness probe, and one wire for notifications. Opening connects to nothing yet.
 */
export interface Database {
  db: Db;
  streams: Db;
  /** Resolves when the database answers on a connection of its own; throws `DatabaseUnavailable` otherwise. */
  probe(): Promise<void>;
  /** Calls back for each notification, and with "" after every (re)connection, when some may have been missed. */
  listen(channel: Channel, onPayload: (payload: string) => void): () => void;
  /** A hint to other processes, sent soon and merged with others; call it after commit. Losing it costs a poll. */
  notify(channel: Channel, id?: string): void;
  close(): Promise<void>;
}

export function openDatabase(options: DatabaseOptions): Database {
  const connection = {
    url: options.url,
    applicationName: options.applicationName,
    deadlineMs: options.deadlineMs,
    prepare: !options.transactionPooler,
    scripts: options.scripts ?? false,
    warmUp: ["select 1"],
  };
  const onQuery = options.onQuery ?? (() => {});
  const pools = {
    verbs: new Pool({
      ...connection,
      connections: options.connections,
      warmUp: options.transactionPooler ? connection.warmUp : (options.warmUp ?? connection.warmUp),
    }),
    streams: new Pool({ ...connection, connections: Math.max(1, Math.ceil(options.connections / 4)) }),
    probes: new Pool({ ...connection, connections: 1 }),
  };
  const wire = new Wire({ ...connection, listens: !options.transactionPooler });
  const db = kyselyOn(pools.verbs, (seconds, outcome) => onQuery("verbs", seconds, outcome));
  const streams = kyselyOn(pools.streams, (seconds, outcome) => onQuery("streams", seconds, outcome));
  return {
    db,
    streams,
    probe: async () => {
      const probe = await pools.probes.acquire();
      try {
        await measured(
          () => probe.run("select 1", []),
          (seconds, outcome) => onQuery("probes", seconds, outcome),
        );
      } finally {
        pools.probes.release(probe);
      }
    },
    listen: (channel, onPayload) => wire.listen(channel, onPayload),
    notify: (channel, id) => wire.notify(channel, id),
    close: async () => {
      await wire.close();
      await Promise.all([db.destroy(), streams.destroy()]);
      for (const pool of Object.values(pools)) pool.close();
    },
  };
}

type OnQuery = (seconds: number, outcome: "ok" | "error") => void;

/** Hands Kysely's own dialect our pool in the shape that it expects of one. */
function kyselyOn(pool: Pool, onQuery: OnQuery): Db {
  const source = {
    options: {},
    end: async () => pool.close(),
    connect: async () => {
      const connection = await pool.acquire();
      return {
        release: () => pool.release(connection),
        query: async (text: string, parameters: readonly unknown[] = []) => {
          const rows = await measured(() => connection.run(text, parameters), onQuery);
          return { command: rows.command, rowCount: rows.count, rows };
        },
      };
    },
  };
  return new Kysely<Schema>({ dialect: new PostgresDialect({ pool: source as unknown as PostgresPool }) });
}

async function measured(query: () => Promise<Rows>, onQuery: OnQuery): Promise<Rows> {
  const started = systemClock.monotonicMs();
  const seconds = () => (systemClock.monotonicMs() - started) / 1000;
  try {
    const rows = await query();
    onQuery(seconds(), "ok");
    return rows;
  } catch (error) {
    onQuery(seconds(), "error");
    throw error;
  }
}
