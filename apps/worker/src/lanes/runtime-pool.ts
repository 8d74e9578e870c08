import { isDeepStrictEqual } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";
import { createToken } from "@open-cowork/secrets/token";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import type { Broker } from "../broker/broker.ts";
import { EngineStartFailed } from "../runtime/engine-process.ts";
import type { Permissions } from "../runtime/permissions.ts";
import type { RuntimeRegistry } from "../runtime/registry.ts";
import { startRuntime, type Runtime } from "../runtime/runtime.ts";
import { putStateAside } from "../runtime/session-directory.ts";
import { createSessionLocks } from "./session-locks.ts";

/**
 * The OpenCode processes of this worker, one per session at most. A process stays for a while after its turn, so that
 * a follow-up prompt starts at once; while it waits its model token opens nothing.
 */
export interface RuntimePool {
  /** The session's own runtime, reused or started. Throws `EngineStartFailed`, or the signal's reason. */
  take(wish: RuntimeWish, signal: AbortSignal): Promise<{ runtime: Runtime; isReused: boolean }>;
  /** Takes OpenCode's state of a session out of the way, so that its next runtime begins with none. */
  putAside(sessionId: string, signal: AbortSignal): Promise<void>;
  /** `fit`: it may serve the session's next prompt. Otherwise it is ended before this resolves. */
  giveBack(sessionId: string, fit: boolean): Promise<void>;
  /** Ends the process under its holder, who still gives it back. Never throws: nobody waits for it. */
  abandon(sessionId: string): Promise<void>;
  /** Ends what nobody has used for the idle time. */
  endIdle(): Promise<void>;
  close(): Promise<void>;
}

export interface RuntimeWish {
  sessionId: string;
  /** The conversation to go on with. */
  runtimeSessionId: string | null;
  /** Fixed when a process starts: one that was started with others is not reused. */
  permissions: Permissions;
}

export interface RuntimePoolOptions {
  workerRoot: string;
  broker: Broker;
  modelId: string;
  registry: RuntimeRegistry;
  telemetry: Telemetry;
  startMs: number;
  idleMs: number;
  /** Most processes at once, idle ones included. */
  most: number;
}

interface Seat {
  runtime: Runtime;
  permissions: Permissions;
  token: string;
  /** Null while a lease uses it. */
  idleSince: number | null;
  ending: Promise<void> | null;
}

export function createRuntimePool(options: RuntimePoolOptions): RuntimePool {
  const { broker, telemetry } = options;
  const seats = new Map<string, Seat>();
  // Two engines on one session's database would ruin it, also while the first one is still starting or ending.
  const locks = createSessionLocks();
  let starting = 0;
  telemetry.gauge("cowork_runtimes", () => [{ value: seats.size + starting, labels: {} }]);

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

  const makeRoom = async () => {
    while (seats.size + starting >= options.most) {
      const longestIdle = idleSeats()[0];
      if (!longestIdle) return;
      // Another session's trouble is not ours; it counts as idle no longer, so this ends.
      await endQuietly(...longestIdle);
    }
  };

  const start = async (wish: RuntimeWish, signal: AbortSignal): Promise<Seat> => {
    await makeRoom();
    const token = createToken("broker");
    const log = telemetry.log.child({ sessionId: wish.sessionId });
    const startedAt = systemClock.monotonicMs();
    let outcome = "failed";
    starting += 1;
    try {
      const door = { baseUrl: broker.baseUrl, token, modelId: options.modelId };
      const onTrouble = (error: unknown, what: string) => log.warn({ err: error, what }, "trouble with OpenCode");
      const runtime = await startRuntime({ ...options, ...wish, door, signal, onTrouble });
      outcome = "ok";
      return { runtime, permissions: wish.permissions, token, idleSince: null, ending: null };
    } finally {
      starting -= 1;
      telemetry.observe("cowork_runtime_start_seconds", (systemClock.monotonicMs() - startedAt) / 1000, { outcome });
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
      return { seat: present, isReused: true };
    }
    if (present) await end(sessionId, present);
    const seat = await start(wish, signal);
    seats.set(sessionId, seat);
    return { seat, isReused: false };
  };

  return {
    async take(wish, signal) {
      const { sessionId } = wish;
      await locks.lock(sessionId, signal);
      try {
        const { seat, isReused } = await reuseOrStart(wish, signal);
        broker.admit(seat.token);
        return { runtime: seat.runtime, isReused };
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

    async endIdle() {
      const now = systemClock.monotonicMs();
      const isOver = (seat: Seat) => seat.runtime.exited.aborted || now - seat.idleSince! >= options.idleMs;
      await Promise.all(
        idleSeats()
          .filter(([, seat]) => isOver(seat))
          .map(([sessionId, seat]) => endQuietly(sessionId, seat)),
      );
    },

    async close() {
      await Promise.all([...seats].map(([sessionId, seat]) => endQuietly(sessionId, seat)));
    },
  };
}

function startFailure(error: unknown): EngineStartFailed {
  return error instanceof EngineStartFailed ? error : new EngineStartFailed("OpenCode could not be started", "", error);
}
