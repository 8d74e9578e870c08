import { readFileSync } from "node:fs";
import { join } from "node:path";
import { systemClock } from "@open-cowork/contracts/clock";
import { openDatabase, type Database } from "@open-cowork/store/database/open";

export interface EventRow {
  seq: number;
  type: string;
  attempt: number | null;
  command_id: string | null;
}

interface AttemptRow {
  work_id: string;
  attempt: number;
  ended_at: Date | null;
}

/** The checker's own look at the database, as superuser, past every guard of the product. */
export class Ledger {
  readonly #database: Database;

  constructor(root: string) {
    const read = (file: string) =>
      JSON.parse(readFileSync(join(root, file), "utf8")) as Record<string, string | number>;
    const { postgresPort } = read("state.json");
    const { postgresPassword } = read("secrets.json");
    const url = `postgres://postgres:${postgresPassword}@127.0.0.1:${postgresPort}/open_cowork`;
    this.#database = openDatabase({
      url,
      applicationName: "chaos",
      deadlineMs: 5_000,
      connections: 2,
      transactionPooler: false,
    });
  }

  /** Repeats a read while the database is down, which chaos makes it. */
  async patiently<T>(read: () => Promise<T>, withinMs: number): Promise<T> {
    const giveUpAt = systemClock.monotonicMs() + withinMs;
    for (;;) {
      try {
        return await read();
      } catch (error) {
        if (systemClock.monotonicMs() > giveUpAt) throw error;
        await systemClock.sleep(250);
      }
    }
  }

  commands() {
    return this.#database.db
      .selectFrom("cowork.commands")
      .select(["command_id", "session_id", "command_seq", "status", "attempt"])
      .execute();
  }

  lanes() {
    return this.#database.db
      .selectFrom("cowork.lanes")
      .select(["session_id", "next_seq", "work_id", "lease_expires_at"])
      .execute();
  }

  attempts(): Promise<AttemptRow[]> {
    const { db } = this.#database;
    return db
      .withTables<{ "cowork.attempts": AttemptRow }>()
      .selectFrom("cowork.attempts")
      .select(["work_id", "attempt", "ended_at"])
      .execute();
  }

  events(sessionId: string, after = 0): Promise<EventRow[]> {
    return this.#database.db
      .selectFrom("cowork.session_events")
      .select(["seq", "type", "attempt", "command_id"])
      .where("session_id", "=", sessionId)
      .where("seq", ">", after)
      .orderBy("seq")
      .execute();
  }

  close(): Promise<void> {
    return this.#database.close();
  }
}
