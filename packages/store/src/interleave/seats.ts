import { systemClock, within } from "@open-cowork/contracts/clock";
import { sql } from "kysely";
import { openDatabase, type Database, type Db } from "../database/open.ts";
import type { ServiceRole } from "../migrate/roles.ts";
import type { Scene } from "./scene.ts";
import { verbs, type VerbName } from "./verbs.ts";

/** Longer than any lawful call takes; whoever waits longer has been forgotten. */
const patienceMs = 8_000;

interface Seat {
  db: Db;
  pid: number;
}

/** A verb that was started and may be waiting. */
export interface Started {
  verb: VerbName;
  pid: number;
  settled: boolean;
  outcome: Promise<string>;
}

/** Connections of their own for every caller, each of which may keep its transaction open between two steps. */
export interface Seats {
  /** Starts a verb as the n-th caller. What it answers, or how it failed, becomes a text that can be compared. */
  start(seat: number, verb: VerbName): Started;
  run(seat: number, verb: VerbName, statement: "begin" | "commit" | "rollback"): Promise<void>;
  /** Comes back when the call has ended or waits for somebody: with whom it waits for. */
  reached(started: Started): Promise<number[]>;
  ended(started: Started): Promise<string>;
  /** Holds rows as somebody else, until released. */
  hold(statements: readonly string[]): Promise<() => Promise<void>>;
  holder: number;
  pidOf(seat: number, verb: VerbName): number;
  close(): Promise<void>;
}

export async function openSeats(scene: Scene, callers: number): Promise<Seats> {
  const { world } = scene;
  const databases: Database[] = [];
  const open = async (url: string): Promise<Seat> => {
    const database = openDatabase({
      url,
      applicationName: "interleave",
      deadlineMs: patienceMs,
      connections: 1,
      transactionPooler: false,
    });
    databases.push(database);
    const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(database.db);
    return { db: database.db, pid: rows[0]!.pid };
  };
  const seats: Array<Record<ServiceRole, Seat>> = [];
  for (let n = 0; n < callers; n += 1)
    seats.push({
      web: await open(world.urls.web),
      scheduler: await open(world.urls.scheduler),
      worker: await open(world.urls.worker),
    });
  const holder = await open(world.ownerUrl);
  const observer = await open(world.ownerUrl);
  const known = new Set([holder, ...seats.flatMap((seat) => Object.values(seat))].map((seat) => seat.pid));
  const seatOf = (n: number, verb: VerbName) => seats[n]![verbs[verb].role];
  const execute = (seat: Seat, text: string) => sql.raw(text).execute(seat.db);

  return {
    holder: holder.pid,
    pidOf: (n, verb) => seatOf(n, verb).pid,
    run: async (n, verb, statement) => void (await execute(seatOf(n, verb), statement)),
    start: (n, verb) => {
      const seat = seatOf(n, verb);
      const started: Started = { verb, pid: seat.pid, settled: false, outcome: Promise.resolve("") };
      started.outcome = verbs[verb]
        .call(seat.db, scene)
        .then(comparable, (error: Error & { code?: string }) => `failed: ${error.code ?? ""} ${error.message}`)
        .finally(() => (started.settled = true));
      return started;
    },
    reached: async (started) => {
      const giveUpAt = systemClock.monotonicMs() + patienceMs;
      while (!started.settled && systemClock.monotonicMs() < giveUpAt) {
        const { rows } = await sql<{ pids: string }>`
          select array_to_string(pg_blocking_pids(${started.pid}::int), ',') as pids`.execute(observer.db);
        // Postgres' own housekeeping may be in the way for a moment; it is nobody's transaction.
        const pids = rows[0]!.pids
          .split(",")
          .map(Number)
          .filter((pid) => known.has(pid));
        if (pids.length > 0 && !started.settled) return pids;
      }
      return [];
    },
    ended: (started) =>
      within(patienceMs, started.verb, started.outcome).catch((error: Error) => `failed: ${error.message}`),
    hold: async (statements) => {
      await execute(holder, "begin");
      for (const statement of statements) await execute(holder, statement);
      return async () => void (await execute(holder, "rollback"));
    },
    close: async () => void (await Promise.all(databases.map((database) => database.close()))),
  };
}

/** Ids made by a call and readings of the clock differ between two runs of the same schedule. */
const passing = new Set(["commandId", "signalId", "readyAt", "waitMs"]);

function comparable(answer: unknown): string {
  return JSON.stringify(answer, (key, value: unknown) => (passing.has(key) ? "" : value));
}
