import { deadline } from "@open-cowork/contracts/clock";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

interface PoolOptions extends ConnectionOptions {
  connections: number;
  /** Run on each further connection before anybody gets it. */
  warmUp: readonly string[];
}

/** More callers than this waiting for a connection means the database is not keeping up: the next one is refused. */
const waitersMax = 1_000;

/**
 * A bounded set of connections. Waiting for one has a deadline, so a paused database can't pile up requests. Only the
 * first caller waits for a connection of its own, and hears why there is none. Whoever finds all of them busy takes what
 * is free first: one that is given back, after a few milliseconds, or the next one, which is opened beside and first runs
 * what makes its plans. To sign in and to plan costs many times what a verb costs.
 */
export class Pool {
  readonly #options: PoolOptions;
  readonly #idle: Connection[] = [];
  readonly #waiters: Array<(connection: Connection) => void> = [];
  #open = 0;
  #growing = false;
  #closed = false;

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  async acquire(): Promise<Connection> {
    if (this.#closed) throw new DatabaseUnavailable("the database pool is closed");
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (!idle.dead) return idle;
    if (this.#open === 0) return this.#connect();
    if (this.#waiters.length >= waitersMax)
      throw new DatabaseUnavailable("too many callers wait for a database connection");
    this.#grow();
    return this.#wait();
  }

  release(connection: Connection): void {
    if (this.#closed) connection.destroy();
    if (connection.dead) {
      // Its place was freed when it died; whoever waits gets a new one.
      const waiter = this.#waiters.shift();
      if (waiter && !this.#closed) waiter(this.#connect());
      return;
    }
    const waiter = this.#waiters.shift();
    if (waiter) waiter(connection);
    else this.#idle.push(connection);
    if (this.#waiters.length > 0) this.#grow();
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
  }

  #grow(): void {
    if (this.#growing || this.#open >= this.#options.connections || this.#closed) return;
    this.#growing = true;
    const connection = this.#connect();
    void this.#warmUp(connection).finally(() => {
      this.#growing = false;
      this.release(connection);
    });
  }

  async #warmUp(connection: Connection): Promise<void> {
    for (const text of this.#options.warmUp)
      // Whoever gets it finds out what is wrong with it.
      await connection.run(text, []).catch(() => {});
  }

  #connect(): Connection {
    this.#open += 1;
    const connection = new Connection({
      ...this.#options,
      onClose: () => {
        this.#open -= 1;
        const at = this.#idle.indexOf(connection);
        if (at >= 0) this.#idle.splice(at, 1);
      },
    });
    return connection;
  }

  #wait(): Promise<Connection> {
    return new Promise((resolve, reject) => {
      const overdue = deadline(this.#options.deadlineMs, "a free database connection");
      const waiter = (connection: Connection) => {
        overdue.removeEventListener("abort", onOverdue);
        resolve(connection);
      };
      const onOverdue = () => {
        const at = this.#waiters.indexOf(waiter);
        if (at >= 0) this.#waiters.splice(at, 1);
        reject(new DatabaseUnavailable((overdue.reason as Error).message));
      };
      overdue.addEventListener("abort", onOverdue);
      this.#waiters.push(waiter);
    });
  }
}
