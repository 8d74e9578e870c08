/**
 * Wakes the streams of a session when the database says that it changed. A ring is a hint, never data: a stream reads
 * by its own position, so a lost ring costs one backstop interval and a superfluous one costs one empty read.
 */
export class SessionBell {
  readonly #armed = new Map<string, Set<AbortController>>();

  /** Arm before reading: a ring between the read and the wait must not be lost. `rung` aborts on the first ring. */
  arm(sessionIds: readonly string[]): { rung: AbortSignal; disarm: () => void } {
    const alarm = new AbortController();
    for (const id of sessionIds) this.#armed.set(id, (this.#armed.get(id) ?? new Set()).add(alarm));
    return {
      rung: alarm.signal,
      disarm: () => {
        for (const id of sessionIds) {
          const alarms = this.#armed.get(id);
          alarms?.delete(alarm);
          if (alarms?.size === 0) this.#armed.delete(id);
        }
      },
    };
  }

  /** The payload of the `events` channel: session ids, comma separated; empty after a reconnect, which rings all. */
  ring(payload: string): void {
    const ids = payload === "" ? [...this.#armed.keys()] : payload.split(",");
    for (const id of ids) for (const alarm of this.#armed.get(id) ?? []) alarm.abort();
  }
}
