import type { SessionEvent } from "@open-cowork/contracts/events";
import { failures, type Failure } from "@open-cowork/contracts/refusals";
import type { WorkStatus } from "@open-cowork/contracts/lifecycles";
import type { Bug } from "./bugs.ts";
import { live, type AttemptRow, type Fact, type LaneRow, type State, type WorkRow } from "./state.ts";

/**
 * A pure model of the protocol: what the verbs must do, without a database, locks or a clock. This file holds what the
 * verbs share (facts, promotion, the end of an attempt); worker-verbs.ts and plane-verbs.ts hold the verbs.
 *
 * It is written from the design and the tables of contracts, so that a disagreement with the database is a question
 * about both. Where the database draws lots (the pause before a retry), the model names one lawful value.
 */
export interface Model extends State {
  bug: Bug | null;
  caps: Caps;
  history: Fact[];
  /** Counts transactions, so that the history can say what was written together. */
  commit: number;
  boots: Boot[];
  /** Ledger of what SQL keeps in columns that nobody compares. */
  tokens: Map<string, AttemptRow>;
  ledger: Map<
    AttemptRow,
    { token: string; request: string; finishBatch: number | null; answer: number; lastAnswer: number; memory: number }
  >;
  /** When each worker left evidence outside of any organisation. */
  refusals: Array<{ worker: number; reason: string; at: number }>;
  /** The highest tag of tenants outside of this schedule: an idle route's floor follows it. */
  tagsElsewhere: number;
}

export interface Caps {
  strikes: number;
  attempts: number;
  /** Pieces of evidence of one kind a minute that a worker may leave outside of any organisation. */
  refusals: number;
}

export interface Boot {
  worker: number;
  heartbeat: { seq: number; at: number; draining: boolean } | null;
}

/** Between all steps by which schedules advance time, so that no clock's drift decides anything. */
export const ttlMs = 15_050;
/** Inside the 20 % of jitter, and between the steps of time as well. */
const pauseOffsetMs = 50;
const warmMs = 10_000;

export function tick(m: Model): number {
  m.now += 0.001;
  return m.now;
}

export function move(m: Model, work: number, to: WorkStatus): WorkRow {
  const row = m.work[work]!;
  m.history.push({ is: "moved", work, from: row.status, to });
  row.status = to;
  return row;
}

type PlaneEvent = Extract<SessionEvent, { type: `command.${string}` | `attempt.${string}` }>;
type Stated = {
  [T in PlaneEvent["type"]]: Pick<Extract<PlaneEvent, { type: T }>, "type" | "payload">;
}[PlaneEvent["type"]];

/** Appends one fact of the plane and gives its seq. */
export function state(m: Model, lane: number, work: number, attempt: number | null, stated: Stated): number {
  const row = m.lanes[lane]!;
  const seq = row.nextSeq++;
  row.events.push({ seq, attempt, commandId: commandId(work), at: "", ...stated });
  m.history.push({ is: "stated", lane, seq });
  return seq;
}

export const commandId = (work: number) => `command-${work}`;

/** The first live row of a lane: the only one that may be promoted. */
export function headOf(m: Model, lane: number): WorkRow | undefined {
  let head: WorkRow | undefined;
  for (const row of m.work)
    if (row.lane === lane && live.includes(row.status) && (!head || row.position < head.position)) head = row;
  return head;
}

export function markHead(m: Model, lane: number): void {
  const head = headOf(m, lane);
  if (head) head.isHead = true;
}

function hasRoom(m: Model, tenant: number): boolean {
  const row = m.tenants[tenant]!;
  return row.promoted < row.concurrent || m.bug === "promotion_forgets_quota";
}

/** Where claims would start. */
function frontOf(m: Model): number {
  let front = Infinity;
  for (const row of m.work)
    if (row.status === "ready" && row.preferred === null && row.tag! >= m.floor) front = Math.min(front, row.tag!);
  return front === Infinity ? m.floor : front;
}

/** Makes a row claimable when it is its lane's head, due, and its tenant has room; gives it its place in the fair order. */
export function promoteLane(m: Model, lane: number, front = frontOf(m), overtaking?: WorkRow): boolean {
  const head = overtaking ?? headOf(m, lane);
  if (!head || head.status !== "queued") return false;
  head.isHead = true;
  if (head.availableAt > tick(m)) return false;
  const { tenant, lastBoot } = m.lanes[lane]!;
  if (!hasRoom(m, tenant)) return false;
  const account = m.tenants[tenant]!;
  const next = Math.max(account.lastTag + 1 / account.weight, m.bug === "tag_below_floor" ? 0 : front);
  account.lastTag = Math.min(next, front + (account.promoted + 1) / account.weight);
  account.promoted += 1;
  account.waiting -= 1;
  const beat = lastBoot === null ? null : m.boots[lastBoot]!.heartbeat;
  const isActive = lastBoot !== null && m.workers[m.boots[lastBoot]!.worker] === "active";
  head.preferred = beat && isActive && !beat.draining && beat.at > tick(m) - warmMs ? lastBoot : null;
  head.tag = account.lastTag;
  // When it became ready; nothing reads when a ready row became due.
  head.availableAt = tick(m);
  move(m, m.work.indexOf(head), "ready");
  return true;
}

/**
 * Fills a tenant's room with the due heads that have waited longest. Whoever gives room back fills all of it and not only
 * what it gave: a pause may have ended unnoticed, and others may have passed over a lane that was being written to.
 */
export function promoteTenant(m: Model, tenant: number): number {
  const due = m.work
    .filter((row) => m.lanes[row.lane]!.tenant === tenant && row.status === "queued" && row.isHead)
    .filter((row) => row.availableAt <= m.now)
    .sort((a, b) => a.availableAt - b.availableAt);
  // What is promoted together stands behind the front that it found.
  const front = frontOf(m);
  let given = 0;
  for (const row of due) {
    if (!hasRoom(m, tenant)) break;
    if (promoteLane(m, row.lane, front)) given += 1;
  }
  return given;
}

export type Ended = "succeeded" | "failed" | "cancelled" | "released" | "retried" | "lost";

interface Ending {
  through: number;
  decision: WorkStatus;
}

/** Ends the attempt that a lane holds and decides what becomes of its work. */
export function endAttempt(m: Model, lane: number, outcome: Ended, reason: Failure | null): Ending {
  return endAttempts(m, [lane], outcome, reason)[0]!;
}

/** Together: the room of all of them is given on when all of them have ended. */
export function endAttempts(m: Model, lanes: readonly number[], outcome: Ended, reason: Failure | null): Ending[] {
  const endings = lanes.map((lane) => closeAttempt(m, lane, outcome, reason));
  if (m.bug === "finish_does_not_promote") {
    for (const lane of lanes) markHead(m, lane);
    return endings;
  }
  m.tenants.forEach((account, tenant) => {
    const own = lanes.filter((lane) => m.lanes[lane]!.tenant === tenant);
    const isWaitedFor = m.work.some((w) => w.status === "queued" && w.isHead && m.lanes[w.lane]!.tenant === tenant);
    const front = frontOf(m);
    if (isWaitedFor || account.promoted + own.length > account.concurrent) {
      for (const lane of own) markHead(m, lane);
      if (own.length > 0) promoteTenant(m, tenant);
    } else for (const lane of own) promoteLane(m, lane, front);
  });
  return endings;
}

function closeAttempt(m: Model, lane: number, outcome: Ended, reason: Failure | null): Ending {
  const row = m.lanes[lane]!;
  const lease = row.lease!;
  const work = m.work[lease.work]!;
  const attempt = attemptOf(m, lease.work, lease.attempt);
  const now = tick(m);
  const mayFollow = outcome === "retried" || outcome === "lost";
  if (mayFollow && !progressed(m, attempt)) work.strikes += 1;
  const exhausted = work.strikes >= m.caps.strikes || lease.attempt >= work.diedAt + m.caps.attempts;
  let decision: WorkStatus = mayFollow || outcome === "released" ? (exhausted ? "dead" : "queued") : outcome;
  // A person's stop outlives the attempt that it was meant for.
  if ((decision === "queued" || decision === "dead") && work.stopping) decision = "cancelled";
  const status = decision === "dead" ? "failed" : decision === "queued" ? "waiting" : (decision as "succeeded");
  const told =
    decision === "dead"
      ? "attempts_exhausted"
      : decision === "cancelled" && mayStop(outcome)
        ? "stopped_by_person"
        : reason;
  const pauseMs = mayFollow && decision === "queued" ? pauseOf(reason!, work.strikes) : 0;

  row.lease = null;
  // Who lost it is not who takes it first: its process is gone.
  if (outcome === "lost") row.lastBoot = null;
  move(m, lease.work, decision);
  Object.assign(work, { tag: null, preferred: null, isHead: decision === "queued", stopping: false, reason: told });
  Object.assign(work, { availableAt: now + pauseMs, paused: pauseMs > 0, pauseMs });
  if (m.bug !== "command_left_behind") work.commandStatus = status;
  if (decision === "dead") {
    m.dead.push(lease.work);
    // What a person gives another life has all its attempts again.
    work.diedAt = lease.attempt;
  }
  const payload = { commandId: commandId(lease.work), attempt: lease.attempt, reason: told };
  const through = state(
    m,
    lane,
    lease.work,
    lease.attempt,
    decision === "queued"
      ? { type: "attempt.lost", payload: { ...payload, reason: told! } }
      : { type: "command.finished", payload: { ...payload, outcome: status as "succeeded" } },
  );
  attempt.outcome = outcome;
  attempt.reason = reason;
  m.ledger.get(attempt)!.answer = through;
  m.history.push({ is: "ended", work: lease.work, attempt: lease.attempt, outcome, at: now });
  m.audit.push(`${evidenceOf[decision]} ${lease.work}#${lease.attempt} ${outcome}`);

  const account = m.tenants[row.tenant]!;
  if (!(m.bug === "recovery_keeps_the_room" && outcome === "lost")) account.promoted -= 1;
  if (decision === "queued") account.waiting += 1;
  return { through, decision };
}

const mayStop = (outcome: Ended) => outcome === "retried" || outcome === "lost" || outcome === "released";

const evidenceOf: Record<WorkStatus, string> = {
  succeeded: "work_completed",
  queued: "work_retried",
  dead: "work_dead_lettered",
  cancelled: "work_cancelled",
  failed: "work_failed",
  ready: "",
  leased: "",
  parked: "",
};

function attemptOf(m: Model, work: number, attempt: number): AttemptRow {
  return m.attempts.find((row) => row.work === work && row.attempt === attempt)!;
}

/** A checkpoint beyond the furthest of all earlier attempts: a loss after it costs no strike. */
function progressed(m: Model, attempt: AttemptRow): boolean {
  return (
    m.attempts.every(
      (row) => row.work !== attempt.work || row.attempt >= attempt.attempt || row.checkpoint < attempt.checkpoint,
    ) && attempt.checkpoint > 0
  );
}

function pauseOf(reason: Failure, strikes: number): number {
  const { pauseMs, pauseMostMs } = failures[reason];
  return pauseMs === 0 ? 0 : Math.min(pauseMostMs, pauseMs * 2 ** (Math.max(strikes, 1) - 1)) + pauseOffsetMs;
}

export interface Shape {
  tenants: Array<{ concurrent: number; depth: number; weight: number }>;
  lanes: number[];
  /** The worker of each process. */
  boots: number[];
}

export function createModel(shape: Shape, caps: Caps, bug: Bug | null = null): Model {
  return {
    bug,
    caps,
    now: 0,
    tenants: shape.tenants.map((tenant) => ({ ...tenant, waiting: 0, promoted: 0, lastTag: 0 })),
    lanes: shape.lanes.map((tenant): LaneRow => ({
      tenant,
      nextSeq: 1,
      nextCommandSeq: 1,
      nextPosition: 1,
      lastBoot: null,
      lease: null,
      events: [],
      parts: {},
    })),
    work: [],
    attempts: [],
    workers: Array.from({ length: Math.max(...shape.boots) + 1 }, () => "active" as const),
    boots: shape.boots.map((worker) => ({ worker, heartbeat: null })),
    floor: 0,
    tagsElsewhere: 0,
    refusals: [],
    audit: [],
    dead: [],
    history: [],
    commit: 0,
    tokens: new Map(),
    ledger: new Map(),
  };
}
