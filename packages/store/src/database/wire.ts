import { channels, type Channel } from "@open-cowork/contracts/channels";
import { every, jittered, systemClock } from "@open-cowork/contracts/clock";
import { Connection, type ConnectionOptions } from "./connection.ts";

/** How long notifications gather before they are sent: one statement for all of them, NOTIFY being one lock each. */
const gatherMs = 4;
/** Postgres takes 8,000 bytes; a uuid and a comma are 37. */
const idsPerNotification = 200;
/** A listener can't see that its server is gone, so it asks. */
const pingMs = 10_000;

/** A hint survives no crash anyway, so its commit needn't wait for the disk; listeners hear it that much earlier. */
const notify = "select set_config('synchronous_commit', 'off', true), pg_notify($1, $2)";

type Listener = (payload: string) => void;

/** One connection per process for LISTEN and NOTIFY. Hints only: when it is down, everyone polls. */
export class Wire {
  readonly #options: ConnectionOptions & { listens: boolean };
  readonly #listeners = new Map<Channel, Set<Listener>>();
  readonly #pending = new Map<Channel, Set<string>>();
  readonly #stopping = new AbortController();
  #connection: Connection | undefined;
  #gathering = false;
  #sentAtMs = 0;
  #stopPing: (() => void) | undefined;

  constructor(options: ConnectionOptions & { listens: boolean }) {
    this.#options = options;
  }

  listen(channel: Channel, listener: Listener): () => void {
    const known = this.#listeners.get(channel);
    const listeners = known ?? new Set();
    listeners.add(listener);
    this.#listeners.set(channel, listeners);
    if (!known && this.#options.listens) void this.#listenTo(channel);
    return () => listeners.delete(listener);
  }

  notify(channel: Channel, id = ""): void {
    const ids = this.#pending.get(channel) ?? new Set();
    this.#pending.set(channel, ids.add(id));
    if (this.#gathering) return;
    this.#gathering = true;
    // The first after a quiet moment goes out in this turn of the event loop; those that follow it gather.
    const quietMs = systemClock.monotonicMs() - this.#sentAtMs;
    const pause = quietMs > gatherMs ? Promise.resolve() : systemClock.sleep(gatherMs, this.#stopping.signal);
    void pause.catch(() => {}).then(() => this.#send());
  }

  async close(): Promise<void> {
    if (this.#pending.size > 0) await this.#send();
    this.#stopping.abort();
    this.#stopPing?.();
    this.#connection?.destroy();
  }

  async #send(): Promise<void> {
    this.#gathering = false;
    this.#sentAtMs = systemClock.monotonicMs();
    const batches = [...this.#pending].flatMap(([channel, ids]) =>
      chunks([...ids], idsPerNotification).map((chunk) => ({ channel, chunk })),
    );
    this.#pending.clear();
    for (const { channel, chunk } of batches) {
      // A lost hint costs the listeners one poll; there is nothing to repair.
      await this.#connect()
        .run(notify, [channels[channel], chunk.join(",")])
        .catch(() => {});
    }
  }

  async #listenTo(channel: Channel): Promise<void> {
    try {
      await this.#connect().run(`listen ${channels[channel]}`, []);
      for (const listener of this.#listeners.get(channel) ?? []) listener("");
    } catch {
      // The connection died with it, and its end starts the next attempt.
    }
  }

  #connect(): Connection {
    if (this.#connection && !this.#connection.dead) return this.#connection;
    const connection = new Connection({
      ...this.#options,
      onNotify: (name, payload) => this.#hear(name, payload),
      onClose: () => void this.#reconnect(connection),
    });
    this.#connection = connection;
    this.#stopPing?.();
    this.#stopPing = every(pingMs, () => void connection.run("select 1", []).catch(() => connection.destroy()));
    return connection;
  }

  async #reconnect(lost: Connection): Promise<void> {
    if (this.#stopping.signal.aborted || this.#connection !== lost) return;
    try {
      await systemClock.sleep(jittered(500), this.#stopping.signal);
    } catch {
      return;
    }
    for (const channel of this.#listeners.keys()) void this.#listenTo(channel);
  }

  #hear(name: string, payload: string): void {
    const channel = (Object.keys(channels) as Channel[]).find((key) => channels[key] === name);
    if (!channel) return;
    for (const listener of this.#listeners.get(channel) ?? []) listener(payload);
  }
}

function chunks<T>(items: T[], size: number): T[][] {
  return Array.from({ length: Math.ceil(items.length / size) }, (_, n) => items.slice(n * size, (n + 1) * size));
}
