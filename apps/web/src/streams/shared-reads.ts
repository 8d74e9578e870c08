/**
 * Whoever asks for what is already being read waits for that same read. Ten readers of one session are woken by the
 * same ring and stand at the same position, so they cost the database one read; nothing is kept afterwards.
 */
export class SharedReads {
  readonly #running = new Map<string, Promise<unknown>>();

  read<T>(key: string, start: () => Promise<T>): Promise<T> {
    const running = this.#running.get(key) as Promise<T> | undefined;
    if (running) return running;
    const started = start().finally(() => {
      if (this.#running.get(key) === started) this.#running.delete(key);
    });
    this.#running.set(key, started);
    return started;
  }

  /** Something has changed: what runs may have looked before it did, so nobody joins it any more. */
  startAfresh(): void {
    this.#running.clear();
  }
}
