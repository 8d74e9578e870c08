import { deadline } from "@open-cowork/contracts/clock";
import { Connection, type ConnectionOptions } from "./connection.ts";
import { DatabaseUnavailable } from "./unavailable.ts";

/** More callers than this waiting for a connection means the database is not keeping up: the next one is refused. */
const waitersMax = 1_000;

/** A bounded set of connections. Waiting for one has a deadline, so a paused database can't pile up requests. */
export class Pool {
  readonly #options: ConnectionOptions & { connections: number };
  readonly #idle: Connection[] = [];
  readonly #waiters: Array<(connection: Connection) => void> = [];
  #open = 0;
  #closed = false;

  constructor(options: ConnectionOptions & { connections: number }) {
    this.#options = options;
  }

  async acquire(): Promise<Connection> {
    if (this.#closed) throw new DatabaseUnavailable("the database pool is closed");
    for (let idle = this.#idle.pop(); idle; idle = this.#idle.pop()) if (!idle.dead) return idle;
    if (this.#open < this.#options.connections) return this.#connect();
    if (this.#waiters.length >= waitersMax)
      throw new DatabaseUnavailable("too many callers wait for a database connection");
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
  }

  close(): void {
    this.#closed = true;
    for (const connection of this.#idle.splice(0)) connection.destroy();
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
