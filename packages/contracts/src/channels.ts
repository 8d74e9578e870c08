/**
 * NOTIFY channels. A notification carries ids only and is a hint: whoever misses it finds the same by polling, so
 * everything also works behind a transaction pooler. Sent after commit, from one connection per process, merged for
 * a few milliseconds, because NOTIFY inside a transaction takes a database-wide lock at commit.
 */
export const channels = {
  /** Work became ready somewhere: workers look. Payload: nothing. */
  ready: "cowork_ready",
  /** Events were appended. Payload: session ids, comma separated. */
  events: "cowork_events",
  /** A signal (stop, decision, steering) waits for the holder of a lease. Payload: session ids. */
  signals: "cowork_signals",
} as const;

export type Channel = keyof typeof channels;
