import { connect, type Socket } from "node:net";
import { DeadlineExceeded, within } from "@open-cowork/contracts/clock";
import postgres from "postgres";
import { QueryFailed } from "./query-failed.ts";
import { toStorableJson } from "./storable-json.ts";
import { DatabaseUnavailable, isPassing } from "./unavailable.ts";

export interface ConnectionOptions {
  url: string;
  applicationName: string;
  deadlineMs: number;
  prepare: boolean;
  /** Whether a text without parameters may hold several statements: for the owner's migrations only. */
  scripts?: boolean;
  onNotify?: (channel: string, payload: string) => void;
  onClose?: () => void;
}

export type Rows = postgres.RowList<postgres.Row[]>;

/**
 * One connection to Postgres, for one life. The client library (postgres.js) would wait for an answer for ever, and
 * would reconnect by itself in the middle of a transaction, running its rest outside of it. So each connection is a
 * library instance of its own with `max: 1` that gets exactly one socket: when a query is overdue the socket is
 * destroyed, and whatever is asked of a dead connection fails.
 */
export class Connection {
  readonly #sql: postgres.Sql;
  readonly #deadlineMs: number;
  readonly #scripts: boolean;
  readonly #onClose: (() => void) | undefined;
  #socket: Socket | undefined;
  #dead = false;

  constructor(options: ConnectionOptions) {
    this.#deadlineMs = options.deadlineMs;
    this.#scripts = options.scripts ?? false;
    this.#onClose = options.onClose;
    const settings = {
      max: 1,
      max_pipeline: 1,
      prepare: options.prepare,
      fetch_types: false,
      connection: { application_name: options.applicationName },
      onnotice: () => {},
      onclose: () => this.#died(),
      onnotify: options.onNotify,
      socket: ({ host, port }: { host: string[]; port: number[] }) => this.#openSocket(host[0]!, port[0]!),
      types: {
        // int8 as a number: sequences and counts of ours stay far below 2^53.
        bigint: { to: 20, from: [20], serialize: String, parse: Number },
        json: {
          to: 3802,
          from: [114, 3802],
          serialize: toStorableJson,
          parse: (text: string) => JSON.parse(text) as unknown,
        },
      },
    };
    this.#sql = postgres(options.url, settings as unknown as postgres.Options<Record<string, postgres.PostgresType>>);
  }

  get dead(): boolean {
    return this.#dead;
  }

  async run(text: string, parameters: readonly unknown[]): Promise<Rows> {
    if (this.#dead) throw new DatabaseUnavailable("the connection to the database was lost");
    try {
      const simple = this.#scripts && parameters.length === 0;
      const query = this.#sql.unsafe(
        text,
        parameters as postgres.ParameterOrJSON<never>[],
        { prepare: !simple, simple } as never,
      );
      return await within(this.#deadlineMs, "the database", Promise.resolve(query));
    } catch (error) {
      if (error instanceof DeadlineExceeded) {
        this.destroy();
        throw new DatabaseUnavailable(error.message);
      }
      if (isPassing(error))
        throw new DatabaseUnavailable(`the database is not available (${(error as { code: string }).code})`);
      if (error instanceof postgres.PostgresError)
        throw new QueryFailed(error.message, error.code, error.constraint_name);
      throw error;
    }
  }

  /** Ends it at once; the server rolls back what was open. */
  destroy(): void {
    this.#died();
    this.#socket?.destroy();
    void this.#sql.end({ timeout: 0 }).catch(() => {});
  }

  #openSocket(host: string, port: number): Socket {
    if (this.#socket || this.#dead) {
      this.#died();
      throw new DatabaseUnavailable("the connection to the database was lost");
    }
    this.#socket = connect({ host, port, noDelay: true });
    this.#socket.on("close", () => this.#died());
    return this.#socket;
  }

  /** Comes from several places, because the library forgets listeners when TLS wraps the socket; only the first counts. */
  #died(): void {
    if (this.#dead) return;
    this.#dead = true;
    this.#onClose?.();
  }
}
