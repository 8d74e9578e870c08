/**
 * The numbers a lease lives by, in one place, because they only make sense together: a worker renews several times
 * per TTL, stops trusting its lease a margin before the database does, and the scheduler looks often enough that a
 * lost lease is re-claimed within TTL + 2 s. Configuration may change each; `lease` sections take these as defaults.
 */
export const leaseTimings = {
  ttlMs: 15_000,
  renewMs: 5_000,
  marginMs: 3_000,
} as const;

export const pollMs = 1_000;
export const recoveryMs = 1_000;
/** No heartbeat for this long and the scheduler calls an active worker unhealthy. */
export const heartbeatMs = 5_000;
export const unhealthyAfterMs = 30_000;

/** How long an approval or a question waits for a person; a profile may say otherwise within these bounds. */
export const decisionWait = { defaultMs: 30 * 60_000, leastMs: 1_000, mostMs: 7 * 24 * 3_600_000 } as const;

/** Bounds that both sides of a border must agree on. */
export const limits = {
  promptChars: 100_000,
  titleChars: 200,
  batchEvents: 500,
  batchBytes: 4 * 1024 * 1024,
  waitingPromptsPerSession: 50,
  /** Of one answer in a person's own words. */
  answerChars: 4_000,
  questionsPerAsk: 20,
  requestBytes: 1024 * 1024,
  idempotencyKeyChars: 200,
  /** A repeat with the same key gets the first answer for this long. */
  idempotencyHours: 24,
} as const;

/** How long what nobody asks for any more is kept. Months are whole ones, and evidence goes only when it is sealed. */
export const retention = {
  feedHours: 24,
  incarnationDays: 7,
  signInDays: 7,
  heartbeatMonths: 1,
  usageMonths: 13,
  auditMonths: 25,
} as const;
