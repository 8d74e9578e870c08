import { isDeepStrictEqual } from "node:util";
import { systemClock, type Clock } from "@open-cowork/contracts/clock";
import { newId } from "@open-cowork/contracts/ids";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import type { Permissions } from "../runtime/permissions.ts";
import { hasDirectory, removeDirectory, removeUngiven } from "../runtime/session-directory.ts";
import { startSeat, type Seat, type SeatOptions } from "./seat.ts";

/**
 * Runtimes that stand by for sessions which have none yet: started, warmed up, with an empty conversation, in a
 * directory that no session has. A session with a directory of its own can't use one, because OpenCode opens its
 * database at its start.
 */
export interface Spares {
  /** One that is ready and lets its agent do just this, made the session's own; null when there is none. */
  adopt(sessionId: string, permissions: Permissions): Promise<Seat | null>;
  /** How many there are, those included that are starting or ending. */
  size(): number;
  ready(): number;
  /** Ends those that have ended or waited too long, and starts one that is missing when `mayStart`. */
  tend(mayStart: () => boolean): Promise<void>;
  /** Starts the first, if there are to be any, and throws when that fails: then sessions would fail alike. */
  prove(): Promise<void>;
  /** Ends one to make room for what somebody waits for; false when there was none. */
  yield(): Promise<boolean>;
  close(): Promise<void>;
}

const prefix = "spare-";
/** After this long without a new session nobody seems to need them, and they cost half a gigabyte each. */
const unusedMs = 3_600_000;
/** One that failed would fail again at once, and is nobody's hurry. */
const retryMs = 30_000;

export function createSpares(
  options: SeatOptions & { spares: number; sparePermissions: Permissions; telemetry: Telemetry; clock?: Clock },
): Spares {
  const { telemetry, workerRoot } = options;
  const clock = options.clock ?? systemClock;
  const spares = new Map<string, Seat>();
  const closing = new AbortController();
  let starting: Promise<void> | null = null;
  let ending = 0;
  let neededAt = clock.monotonicMs();
  let notBefore = 0;

  const end = async (name: string, seat: Seat, keepsDirectory = false) => {
    spares.delete(name);
    options.broker.dismiss(seat.token);
    ending += 1;
    try {
      await seat.runtime.end();
      if (!keepsDirectory) await removeDirectory(workerRoot, name);
    } catch (error) {
      telemetry.log.error({ err: error, sessionId: name }, "a spare runtime could not be ended");
    } finally {
      ending -= 1;
    }
  };

  const start = async () => {
    const name = prefix + newId();
    try {
      const seat = await telemetry.span("warm-up", {}, () =>
        startSeat(options, {
          name,
          runtimeSessionId: null,
          permissions: options.sparePermissions,
          isWarm: true,
          signal: closing.signal,
        }),
      );
      spares.set(name, seat);
    } catch (error) {
      await removeDirectory(workerRoot, name).catch(() => {});
      throw error;
    }
  };
  const startOrWait = async () => {
    try {
      await start();
    } catch (error) {
      if (closing.signal.aborted) return;
      notBefore = clock.monotonicMs() + retryMs;
      telemetry.log.warn({ err: error }, "a spare runtime could not be started; trying again later");
    }
  };

  const firstReady = () => [...spares].find(([, seat]) => !seat.runtime.exited.aborted);

  return {
    async adopt(sessionId, permissions) {
      if (!isDeepStrictEqual(permissions, options.sparePermissions)) return null;
      neededAt = clock.monotonicMs();
      const found = firstReady();
      if (!found) return null;
      const [name, seat] = found;
      spares.delete(name);
      try {
        await seat.runtime.adopt(sessionId);
        return seat;
      } catch (error) {
        telemetry.log.error({ err: error, sessionId }, "a spare runtime could not be adopted");
        // Its directory may be the session's by now.
        await end(name, seat, hasDirectory(workerRoot, sessionId));
        return null;
      }
    },

    size: () => spares.size + ending + (starting === null ? 0 : 1),
    ready: () => spares.size,

    async tend(mayStart) {
      const now = clock.monotonicMs();
      const isUnused = now - neededAt >= unusedMs;
      const over = [...spares].filter(([, seat]) => isUnused || seat.runtime.exited.aborted);
      await Promise.all(over.map(([name, seat]) => end(name, seat)));
      if (isUnused || closing.signal.aborted || starting || now < notBefore) return;
      if (spares.size >= options.spares || !mayStart()) return;
      // One at a time and in nobody's way: whoever waits for a runtime of their own has the processors.
      starting = startOrWait().finally(() => (starting = null));
    },

    async prove() {
      if (options.spares > 0) await start();
    },

    async yield() {
      const found = [...spares][0];
      if (found) await end(...found);
      return found !== undefined;
    },

    async close() {
      closing.abort(new Error("the worker stops"));
      await starting;
      await Promise.all([...spares].map(([name, seat]) => end(name, seat)));
      await removeUngiven(workerRoot, isSpareName);
    },
  };
}

export const isSpareName = (name: string) => name.startsWith(prefix);
