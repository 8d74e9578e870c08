/** What a queue must do to take part in the comparison. Each has a database of its own on the one server. */
export interface Queue {
  readonly name: string;
  /** How it is set up, and what it does not do that ours does within the same numbers. */
  readonly about: string;
  /** Serves work that is asked for one by one, as fast as it can be configured to. */
  openForLatency(onStart: (id: string) => void): Promise<Opened>;
  /** Runs that many whole turns, made beforehand, at `lanes` lanes in this process; resolves when all are durable. */
  runTurns(turns: number, lanes: number): Promise<Turns>;
}

export interface Opened {
  /** Makes one wish durable and wakes whoever serves it. */
  enqueue(id: string): Promise<void>;
  close(): Promise<void>;
}

export interface Turns {
  seconds: number;
  /** Of the database, for all of them, with what runs in the background. */
  commits: number;
}
