/**
 * Every way the plane says no, once. The reason is what code acts on, what the HTTP answer carries, what a metric is
 * labelled with and what the audit names; nobody parses a message. `means` is the one line a person reads, and says
 * what to do next.
 */
export interface RefusalRow {
  http: 400 | 401 | 403 | 404 | 409 | 410 | 413 | 415 | 429 | 500 | 503;
  /** Whether the same request can succeed later without a change. */
  retryable: boolean;
  /** The audit action that a refusal leaves behind, where the specification asks for evidence. */
  audit?: string;
  means: string;
}

export const refusals = {
  // At the door.
  invalid_request: { http: 400, retryable: false, means: "The request does not fit its schema; see details." },
  body_too_large: { http: 413, retryable: false, means: "The body is larger than this route takes." },
  not_signed_in: { http: 401, retryable: false, means: "Sign in first: open a sign-in link." },
  sign_in_link_invalid: {
    http: 401,
    retryable: false,
    means: "This sign-in link is unknown, used or expired; ask for a new one.",
  },
  cross_site_request: { http: 403, retryable: false, means: "A write must come from the plane's own pages." },
  host_not_allowed: {
    http: 403,
    retryable: false,
    means: "Open the plane under its own address (OPEN_COWORK_CLOUD_PUBLIC_URL).",
  },
  forbidden: { http: 403, retryable: false, means: "Your role does not allow this." },
  not_found: { http: 404, retryable: false, means: "There is nothing here that you may see." },
  rate_limited: { http: 429, retryable: true, means: "Too many requests of this kind; wait and try again." },
  idempotency_conflict: {
    http: 409,
    retryable: false,
    means: "This key was used before, with other content; take a new one.",
  },
  too_many_streams: {
    http: 503,
    retryable: true,
    means: "This process serves as many streams as it may; try again shortly.",
  },
  database_unavailable: {
    http: 503,
    retryable: true,
    means: "The database did not answer in time; try again shortly.",
  },
  internal: { http: 500, retryable: true, means: "Something broke; the request id finds it in the log." },

  // Sessions and commands.
  session_not_open: { http: 409, retryable: false, means: "This session takes no more prompts." },
  queue_full: {
    http: 429,
    retryable: true,
    audit: "quota_denied",
    means: "This session has as many waiting prompts as it may; wait for one to finish.",
  },
  quota_exceeded: {
    http: 429,
    retryable: true,
    audit: "quota_denied",
    means: "Your organisation has as much waiting work as it may; wait for some to finish.",
  },
  not_dead: { http: 409, retryable: false, means: "Only work that every attempt failed at can be retried or dropped." },
  nothing_to_stop: { http: 409, retryable: false, means: "Nothing is running or waiting in this session." },

  profile_unknown: { http: 400, retryable: false, means: "There is no profile of this name; choose one of the list." },

  // Decisions.
  decision_unknown: { http: 404, retryable: false, means: "Nothing in this session waits under this id." },
  decision_not_open: {
    http: 409,
    retryable: false,
    means: "This no longer waits for an answer: somebody decided, or the attempt that asked has ended.",
  },
  decision_expired: {
    http: 409,
    retryable: false,
    means: "Nobody answered in time, so the agent was told no; a new prompt can ask for it again.",
  },
  decision_answer_misfit: {
    http: 400,
    retryable: false,
    means: "The answer does not fit what was asked: approve or refuse a call, answer each question.",
  },

  // Workers.
  credential_invalid: {
    http: 401,
    retryable: false,
    audit: "heartbeat_rejected",
    means: "The worker credential is unknown, expired or revoked; issue a new one.",
  },
  worker_not_active: {
    http: 409,
    retryable: true,
    means: "The worker's state does not allow this; an operator can activate or resume it.",
  },
  capacity_unavailable: {
    http: 503,
    retryable: true,
    means: "The workers have too little memory free for another session; it starts when one of theirs ends.",
  },
  worker_transition_not_allowed: {
    http: 409,
    retryable: false,
    means: "The worker can't move from its present state to that one.",
  },
  boot_id_taken: {
    http: 409,
    retryable: false,
    audit: "heartbeat_rejected",
    means: "Another worker's process reports itself by this boot id; restart this one.",
  },
  heartbeat_out_of_order: {
    http: 409,
    retryable: false,
    audit: "heartbeat_rejected",
    means: "A newer heartbeat of this process was already accepted.",
  },

  // Leases.
  stale_lease: {
    http: 409,
    retryable: false,
    audit: "stale_owner_write_rejected",
    means: "The lease has expired or moved on; stop writing for it.",
  },
  lease_ended: { http: 409, retryable: false, means: "This attempt has already finished; its answer is stored." },
  lease_unknown: {
    http: 409,
    retryable: false,
    audit: "stale_owner_write_rejected",
    means: "No attempt ever had this token.",
  },
  object_key_not_allowed: {
    http: 409,
    retryable: false,
    means: "An object must lie under the key that the plane derives for this session.",
  },
  secret_not_found: {
    http: 404,
    retryable: false,
    audit: "secret_reveal_failed",
    means: "The organisation has no key for this provider; an admin can store one.",
  },
  provider_not_allowed: {
    http: 403,
    retryable: false,
    audit: "secret_reveal_failed",
    means: "The session's profile uses another provider.",
  },
  batch_out_of_order: { http: 409, retryable: false, means: "An earlier event batch of this attempt is missing." },
  batch_too_large: {
    http: 413,
    retryable: false,
    means: "The event batch holds more events or bytes than one batch may.",
  },
  batch_malformed: {
    http: 400,
    retryable: false,
    means: "The event batch holds something that can't be stored, such as an event without an id.",
  },
} as const satisfies Record<string, RefusalRow>;

export type Reason = keyof typeof refusals;

interface FailureRow {
  /** never: the work has failed. later: another attempt after a pause, counted. free: another at once, not counted. */
  retry: "never" | "later" | "free";
  /** The first pause before another attempt; doubled with each strike up to the most, ± 20 %. */
  pauseMs: number;
  pauseMostMs: number;
  means: string;
}

const atOnce = { pauseMs: 0, pauseMostMs: 0 } as const;

/**
 * What an attempt or a command can fail of, and what follows. Unlike refusals these are facts about work, stored with it.
 * The database reads its copy of this table (`migrate` loads it), so that finishing and recovering decide alike.
 */
export const failures = {
  runtime_start_failed: {
    retry: "later",
    pauseMs: 1_000,
    pauseMostMs: 60_000,
    means: "OpenCode did not start; the worker's log says why.",
  },
  runtime_lost: {
    retry: "later",
    pauseMs: 1_000,
    pauseMostMs: 60_000,
    means: "OpenCode ended in the middle of the turn.",
  },
  runtime_out_of_memory: {
    retry: "later",
    pauseMs: 5_000,
    pauseMostMs: 120_000,
    means: "The agent, or a program that it ran, took more memory than a session may have, and was ended.",
  },
  runtime_silent: {
    retry: "later",
    pauseMs: 1_000,
    pauseMostMs: 60_000,
    means: "OpenCode made no progress for too long.",
  },
  runtime_error: { retry: "never", ...atOnce, means: "OpenCode reported an error it could not recover from." },
  provider_error: { retry: "never", ...atOnce, means: "The model provider refused or broke the request." },
  provider_unavailable: {
    retry: "later",
    pauseMs: 2_000,
    pauseMostMs: 120_000,
    means: "The model provider did not answer.",
  },
  // The lease's time to live was pause enough.
  worker_lost: { retry: "later", ...atOnce, means: "The worker's lease ran out; another attempt follows." },
  worker_revoked: { retry: "later", ...atOnce, means: "The worker was revoked; another attempt follows." },
  worker_draining: { retry: "free", ...atOnce, means: "The worker shut down in good order; another attempt follows." },
  unrecorded_reply: {
    retry: "never",
    ...atOnce,
    means: "Something other than a person answered an approval or question, so the turn was ended.",
  },
  profile_invalid: {
    retry: "never",
    ...atOnce,
    means: "The session's profile can't be read, so nothing was run; an admin can give the session another one.",
  },
  attempts_exhausted: { retry: "never", ...atOnce, means: "Every allowed attempt failed." },
  // 24 hours, see caps.sql: attempts alone would let work that renews for ever hold its lane for ever.
  time_exhausted: { retry: "never", ...atOnce, means: "It ran longer than work may, all its attempts together." },
  stopped_by_person: { retry: "never", ...atOnce, means: "A person stopped it." },
} as const satisfies Record<string, FailureRow>;

export type Failure = keyof typeof failures;
