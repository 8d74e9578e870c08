import { isDeepStrictEqual } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";
import { EngineStartFailed } from "../runtime/engine-process.ts";
import type { Permissions } from "../runtime/permissions.ts";
import type { Runtime } from "../runtime/runtime.ts";
import { hasDirectory, putStateAside } from "../runtime/session-directory.ts";
import { startSeat, type Seat, type SeatOptions } from "./seat.ts";
import { createSessionLocks } from "./session-locks.ts";
import { createSpares } from "./spares.ts";

/**
 * The OpenCode processes of this worker, one per session at most. A process stays for a while after its turn, so that
 * a follow-up prompt starts at once; while it waits its model token opens nothing.
 */
export interface RuntimePool {
  /** The session's own runtime, reused or started. Throws `EngineStartFailed`, or the signal's reason. */
  take(wish: RuntimeWish, signal: AbortSignal): Promise<{ runtime: Runtime; origin: RuntimeOrigin }>;
  /** Takes OpenCode's state of a session out of the way, so that its next runtime begins with none. */
  putAside(sessionId: string, signal: AbortSignal): Promise<void>;
  /** `fit`: it may serve the session's next prompt. Otherwise it is ended before this resolves. */
  giveBack(sessionId: string, fit: boolean): Promise<void>;
  /** Ends the process under its holder, who still gives it back. Never throws: nobody waits for it. */
  abandon(sessionId: string): Promise<void>;
  /** How many more sessions could run now, as far as memory goes. */
  room(): number;
  /** See `Spares`. */
  prove(): Promise<void>;
  /** Ends what nobody has used for the idle time, and sees that a spare stands by. */
  tend(): Promise<void>;
  close(): Promise<void>;
}

/** What a session's runtime was when it was taken: its own from before, a spare that it adopted, or started for it. */
export type RuntimeOrigin = "live" | "warm" | "cold";

/** Of the machine's memory, in megabytes. */
export interface MemoryBudget {
  /** Null when the machine does not tell. */
  free(): number | null;
  /** What one runtime is expected to take. */
  budgetMb: number;
  reserveMb: number;
}

export interface RuntimeWish {
  sessionId: string;
  /** The conversation to go on with. */
  runtimeSessionId: string | null;
  /** Fixed when a process starts: one that was started with others is not taken. */
  permissions: Permissions;
}

export interface RuntimePoolOptions extends SeatOptions {
  memory: MemoryBudget;
  idleMs: number;
  /** Most processes at once, idle ones and spares included. */
  most: number;
  /** How many stand by for sessions that have none yet, and what those let their agents do. */
  spares: number;
  sparePermissions: Permissions;
}

export function createRuntimePool(options: RuntimePoolOptions): RuntimePool {
  const { broker, telemetry } = options;
  const seats = new Map<string, Seat>();
  // Two engines on one session's database would ruin it, also while the first one is still starting or ending.
  const locks = createSessionLocks();
  let starting = 0;
  const spares = createSpares(options);
  const count = () => seats.size + starting + spares.size();
  telemetry.gauge("cowork_runtimes", () => {
    const idle = idleSeats().length;
    const warm = spares.ready();
    const states = { busy: seats.size - idle, idle, warm, starting: starting + spares.size() - warm };
    return Object.entries(states).map(([state, value]) => ({ value, labels: { state } }));
  });

  const end = (sessionId: string, seat: Seat): Promise<void> => {
    broker.dismiss(seat.token);
    seat.idleSince = null;
    // The seat counts against the bound for as long as its process lives; one that could not be ended is tried again.
    seat.ending ??= seat.runtime.end().then(
      () => void seats.delete(sessionId),
      (error: unknown) => {
        seat.ending = null;
        throw error;
      },
    );
    return seat.ending;
  };
  const endQuietly = (sessionId: string, seat: Seat) =>
    end(sessionId, seat).catch((error: unknown) =>
      telemetry.log.error({ err: error, sessionId }, "a runtime could not be ended"),
    );

  const idleSeats = () =>
    [...seats].filter(([, seat]) => seat.idleSince !== null).sort(([, a], [, b]) => a.idleSince! - b.idleSince!);

  /** Runtimes that could still be started; those that start now have not taken their memory yet. */
  const fitting = () => {
    const { free, budgetMb, reserveMb } = options.memory;
    const freeMb = free();
    return freeMb === null ? Infinity : Math.floor((freeMb - reserveMb) / budgetMb) - starting;
  };

  const makeRoom = async () => {
    while (count() >= options.most || fitting() < 1) {
      const longestIdle = idleSeats()[0];
      if (!longestIdle) {
        if (await spares.yield()) continue;
        return;
      }
      // Another session's trouble is not ours; it counts as idle no longer, so this ends.
      await endQuietly(...longestIdle);
    }
  };

  const start = async (wish: RuntimeWish, signal: AbortSignal): Promise<Seat> => {
    await makeRoom();
    starting += 1;
    try {
      const { sessionId: name, ...rest } = wish;
      return await startSeat(options, { ...rest, name, isWarm: false, signal });
    } finally {
      starting -= 1;
    }
  };

  const reuseOrStart = async (wish: RuntimeWish, signal: AbortSignal) => {
    const { sessionId, runtimeSessionId, permissions } = wish;
    const present = seats.get(sessionId);
    const isFit = present && !present.ending && !present.runtime.exited.aborted;
    const isWished =
      present?.runtime.runtimeSessionId === runtimeSessionId && isDeepStrictEqual(present.permissions, permissions);
    if (isFit && isWished) {
      present.idleSince = null;
      return { seat: present, origin: "live" } as const;
    }
    if (present) await end(sessionId, present);
    const isFresh = runtimeSessionId === null && !hasDirectory(options.workerRoot, sessionId);
    const spare = isFresh ? await spares.adopt(sessionId, permissions) : null;
    if (spare) {
      seats.set(sessionId, spare);
      return { seat: spare, origin: "warm" } as const;
    }
    const seat = await start(wish, signal);
    seats.set(sessionId, seat);
    return { seat, origin: "cold" } as const;
  };

  return {
    async take(wish, signal) {
      const { sessionId } = wish;
      await locks.lock(sessionId, signal);
      try {
        const { seat, origin } = await reuseOrStart(wish, signal);
        broker.admit(seat.token);
        return { runtime: seat.runtime, origin };
      } catch (error) {
        locks.unlock(sessionId);
        throw startFailure(error);
      }
    },

    async putAside(sessionId, signal) {
      await locks.lock(sessionId, signal);
      try {
        const present = seats.get(sessionId);
        if (present) await end(sessionId, present);
        await putStateAside(options.workerRoot, sessionId);
      } catch (error) {
        throw startFailure(error);
      } finally {
        locks.unlock(sessionId);
      }
    },

    async giveBack(sessionId, fit) {
      const seat = seats.get(sessionId);
      try {
        if (!seat) return;
        if (!fit || seat.ending || seat.runtime.exited.aborted) return await end(sessionId, seat);
        broker.dismiss(seat.token);
        seat.idleSince = systemClock.monotonicMs();
      } finally {
        locks.unlock(sessionId);
      }
    },

    async abandon(sessionId) {
      const seat = seats.get(sessionId);
      if (seat) await endQuietly(sessionId, seat);
    },

    // What is idle or stands by makes room, or is what the next session takes.
    room: () => Math.max(0, fitting()) + idleSeats().length + spares.ready(),

    prove: async () => {
      if (fitting() >= 1) await spares.prove();
    },

    async tend() {
      const now = systemClock.monotonicMs();
      const isOver = (seat: Seat) => seat.runtime.exited.aborted || now - seat.idleSince! >= options.idleMs;
      await Promise.all(
        idleSeats()
          .filter(([, seat]) => isOver(seat))
          .map(([sessionId, seat]) => endQuietly(sessionId, seat)),
      );
      // One that somebody asks for must still fit beside it.
      await spares.tend(() => starting === 0 && count() < options.most && fitting() >= 2);
    },

    async close() {
      await Promise.all([spares.close(), ...[...seats].map(([sessionId, seat]) => endQuietly(sessionId, seat))]);
    },
  };
}

function startFailure(error: unknown): EngineStartFailed {
  return error instanceof EngineStartFailed ? error : new EngineStartFailed("OpenCode could not be started", "", error);
}
