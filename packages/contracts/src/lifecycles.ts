/**
 * Every state machine of the plane, as data: SQL, API, buttons and docs read these tables, and a test draws them into
 * docs/lifecycles.md. A state is only ever written by a compare-and-set from one of its lawful predecessors.
 */
interface LifecycleRow<S extends string = string> {
  next: readonly S[];
}

type Lifecycle<S extends string, Row extends LifecycleRow = LifecycleRow> = { readonly [K in S]: Row };

export const workerStatuses = ["pending", "active", "draining", "paused", "unhealthy", "retired", "revoked"] as const;
export type WorkerStatus = (typeof workerStatuses)[number];

interface WorkerRow extends LifecycleRow<WorkerStatus> {
  heartbeats: boolean;
  claims: boolean;
  renews: boolean;
}

export const workerLifecycle = {
  pending: { next: ["active", "revoked"], heartbeats: true, claims: false, renews: false },
  active: {
    next: ["draining", "paused", "unhealthy", "retired", "revoked"],
    heartbeats: true,
    claims: true,
    renews: true,
  },
  draining: { next: ["active", "retired", "revoked", "unhealthy"], heartbeats: true, claims: false, renews: true },
  // Paused: the current lease may still write until it expires, but is not renewed.
  paused: { next: ["active", "retired", "revoked"], heartbeats: true, claims: false, renews: false },
  unhealthy: { next: ["active", "draining", "retired", "revoked"], heartbeats: true, claims: false, renews: true },
  retired: { next: [], heartbeats: false, claims: false, renews: false },
  revoked: { next: [], heartbeats: false, claims: false, renews: false },
} as const satisfies Lifecycle<WorkerStatus, WorkerRow>;

export const workStatuses = [
  "queued",
  "ready",
  "leased",
  "parked",
  "succeeded",
  "failed",
  "cancelled",
  "dead",
] as const;
export type WorkStatus = (typeof workStatuses)[number];

const workLifecycle = {
  // Queued until it is its lane's head, due, and inside its tenant's window; then promoted to ready.
  queued: { next: ["ready", "cancelled"] },
  ready: { next: ["leased", "queued", "cancelled"] },
  leased: { next: ["parked", "succeeded", "failed", "cancelled", "queued", "ready", "dead"] },
  parked: { next: ["ready", "queued", "cancelled", "dead"] },
  succeeded: { next: [] },
  failed: { next: [] },
  cancelled: { next: [] },
  // A dead letter: a person may edit and retry it, or drop it.
  dead: { next: ["queued", "cancelled"] },
} as const satisfies Lifecycle<WorkStatus>;

export const commandStatuses = ["waiting", "working", "succeeded", "failed", "cancelled"] as const;
export type CommandStatus = (typeof commandStatuses)[number];

const commandLifecycle = {
  waiting: { next: ["working", "cancelled", "failed"] },
  // Back to waiting when its attempt was lost and another follows.
  working: { next: ["waiting", "succeeded", "failed", "cancelled"] },
  succeeded: { next: [] },
  failed: { next: ["waiting"] },
  cancelled: { next: [] },
} as const satisfies Lifecycle<CommandStatus>;

export const sessionStatuses = ["open", "archived"] as const;
export type SessionStatus = (typeof sessionStatuses)[number];

const sessionLifecycle = {
  open: { next: ["archived"] },
  archived: { next: ["open"] },
} as const satisfies Lifecycle<SessionStatus>;

export const decisionStatuses = ["open", "approved", "refused", "answered", "expired", "withdrawn"] as const;
export type DecisionStatus = (typeof decisionStatuses)[number];

const decisionLifecycle = {
  // Withdrawn with the attempt that asked: the next one asks again.
  open: { next: ["approved", "refused", "answered", "expired", "withdrawn"] },
  approved: { next: [] },
  refused: { next: [] },
  answered: { next: [] },
  expired: { next: [] },
  withdrawn: { next: [] },
} as const satisfies Lifecycle<DecisionStatus>;

export const lifecycles = {
  worker: workerLifecycle,
  work: workLifecycle,
  command: commandLifecycle,
  session: sessionLifecycle,
  decision: decisionLifecycle,
} as const;

/** The lawful predecessors of a state: what a compare-and-set to `to` must find. */
export function lawfulFrom<S extends string>(lifecycle: Lifecycle<S>, to: S): S[] {
  return (Object.keys(lifecycle) as S[]).filter((from) => lifecycle[from].next.includes(to));
}
