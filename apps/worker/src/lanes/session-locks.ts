/** One holder per session at a time; the others wait in the order they came. */
export interface SessionLocks {
  lock(sessionId: string, signal: AbortSignal): Promise<void>;
  unlock(sessionId: string): void;
}

export function createSessionLocks(): SessionLocks {
  const held = new Map<string, Array<() => void>>();

  return {
    lock(sessionId, signal) {
      const waiting = held.get(sessionId);
      if (!waiting) {
        held.set(sessionId, []);
        return Promise.resolve();
      }
      return new Promise((resolve, reject) => {
        if (signal.aborted) return reject(signal.reason as Error);
        const onAbort = () => {
          waiting.splice(waiting.indexOf(next), 1);
          reject(signal.reason as Error);
        };
        const next = () => {
          signal.removeEventListener("abort", onAbort);
          resolve();
        };
        waiting.push(next);
        signal.addEventListener("abort", onAbort, { once: true });
      });
    },
    unlock(sessionId) {
      const next = held.get(sessionId)?.shift();
      if (next) next();
      else held.delete(sessionId);
    },
  };
}
