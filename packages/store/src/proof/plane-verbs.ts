import { lawfulFrom, workerLifecycle, type WorkerStatus } from "@open-cowork/contracts/lifecycles";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import {
  commandId,
  endAttempt,
  endAttempts,
  headOf,
  markHead,
  move,
  promoteLane,
  promoteTenant,
  state,
  tick,
  type Model,
} from "./model.ts";
import { live, type WorkRow } from "./state.ts";

export function enqueue(
  m: Model,
  lane: number,
  text: string,
): Outcome<{ work: number; commandSeq: number }, "quota_exceeded"> {
  const row = m.lanes[lane]!;
  const account = m.tenants[row.tenant]!;
  if (account.waiting >= account.depth) {
    m.audit.push("quota_denied queue_depth");
    return refused("quota_exceeded");
  }
  account.waiting += 1;
  const head = headOf(m, lane);
  const work: WorkRow = {
    lane,
    commandSeq: row.nextCommandSeq++,
    position: row.nextPosition++,
    status: "queued",
    isHead: !head,
    paused: false,
    pauseMs: 0,
    availableAt: tick(m),
    tag: null,
    preferred: null,
    attempt: 0,
    strikes: 0,
    diedAt: 0,
    checkpoint: 0,
    stopping: false,
    text,
    commandStatus: "waiting",
    reason: null,
  };
  const index = m.work.push(work) - 1;
  m.history.push({ is: "moved", work: index, from: null, to: "queued" });
  const { commandSeq } = work;
  const payload = { commandId: commandId(index), commandSeq, text, by: "Ada" };
  state(m, lane, index, null, { type: "command.accepted", payload });
  promoteLane(m, lane, undefined, m.bug === "enqueue_overtakes" && head?.status === "queued" ? work : undefined);
  return accepted({ work: index, commandSeq });
}

export function stop(m: Model, lane: number): Outcome<{ cancelled: number; signalled: boolean }, "nothing_to_stop"> {
  const row = m.lanes[lane]!;
  const waiting = m.work
    .flatMap((work, n) => (work.lane === lane && (work.status === "queued" || work.status === "ready") ? [n] : []))
    .sort((a, b) => m.work[a]!.position - m.work[b]!.position);
  if (waiting.length === 0 && !row.lease) return refused("nothing_to_stop");
  let freed = 0;
  for (const n of waiting) {
    const work = m.work[n]!;
    if (work.status === "ready") freed += 1;
    move(m, n, "cancelled");
    Object.assign(work, { isHead: false, commandStatus: "cancelled", reason: "stopped_by_person" });
    const payload = { commandId: commandId(n), reason: "stopped_by_person" };
    state(m, lane, n, null, { type: "command.cancelled", payload });
  }
  if (row.lease) m.work[row.lease.work]!.stopping = true;
  m.audit.push(`session_stopped ${lane}`);
  if (waiting.length > 0) {
    const account = m.tenants[row.tenant]!;
    account.promoted -= freed;
    account.waiting -= waiting.length - freed;
    if (m.bug !== "stop_does_not_promote") promoteTenant(m, row.tenant);
  }
  return accepted({ cancelled: waiting.length, signalled: row.lease !== null });
}

export function retryDeadLetter(
  m: Model,
  work: number,
  text: string | null,
): Outcome<null, "not_dead" | "quota_exceeded"> {
  const row = m.work[work]!;
  if (row.status !== "dead") return refused("not_dead");
  const lane = m.lanes[row.lane]!;
  const account = m.tenants[lane.tenant]!;
  if (account.waiting >= account.depth) {
    m.audit.push("quota_denied queue_depth");
    return refused("quota_exceeded");
  }
  if (m.bug !== "retry_forgets_the_counter") account.waiting += 1;
  move(m, work, "queued");
  if (m.bug !== "retry_keeps_its_place") row.position = lane.nextPosition++;
  Object.assign(row, { strikes: 0, availableAt: tick(m), paused: false, pauseMs: 0, isHead: false });
  Object.assign(row, { commandStatus: "waiting", reason: null, text: text ?? row.text });
  const payload = { commandId: commandId(work), text: row.text };
  state(m, row.lane, work, null, { type: "command.retried", payload });
  closeDeadLetter(m, work, "retried");
  markHead(m, row.lane);
  promoteLane(m, row.lane);
  return accepted(null);
}

export function dropDeadLetter(m: Model, work: number): Outcome<null, "not_dead"> {
  if (m.work[work]!.status !== "dead") return refused("not_dead");
  move(m, work, "cancelled");
  closeDeadLetter(m, work, "dropped");
  return accepted(null);
}

function closeDeadLetter(m: Model, work: number, how: string): void {
  m.dead.splice(m.dead.indexOf(work), 1);
  m.audit.push(`dead_letter_${how} ${work}`);
}

export function moveWorker(
  m: Model,
  worker: number,
  to: WorkerStatus,
): Outcome<{ leasesEnded: number }, "worker_transition_not_allowed"> {
  if (!lawfulFrom<WorkerStatus>(workerLifecycle, to).includes(m.workers[worker]!))
    return refused("worker_transition_not_allowed");
  m.workers[worker] = to;
  m.history.push({ is: "worker", worker, to });
  const held = m.lanes.flatMap(({ lease }, lane) => (lease?.worker === worker ? [lane] : []));
  const ending = to === "revoked" && m.bug !== "revoke_keeps_leases" ? held : [];
  endAttempts(m, ending, "lost", "worker_revoked");
  const leasesEnded = ending.length;
  m.audit.push(`worker_${to} ${worker} ${leasesEnded}`);
  return accepted({ leasesEnded });
}

export interface Recovered {
  lane: number;
  decision: string;
}

/** Oldest first; leases of one claim expire together, and then `drawn` says which lane the database took first. */
export function recover(m: Model, drawn: readonly number[] = []): Recovered[] {
  const rank = (lane: number) => drawn.indexOf(lane);
  const expired = m.lanes
    .flatMap(({ lease }, lane) =>
      lease && (lease.expiresAt <= tick(m) || m.bug === "recovers_the_living") ? [{ lane, lease }] : [],
    )
    .sort((a, b) => a.lease.expiresAt - b.lease.expiresAt || rank(a.lane) - rank(b.lane));
  return expired.map(({ lane }) => ({ lane, decision: endAttempt(m, lane, "lost", "worker_lost").decision }));
}

/** The tick: what had to wait for its time. */
export function promoteDue(m: Model): number {
  return m.tenants.reduce((sum, _, tenant) => sum + promoteTenant(m, tenant), 0);
}

const preferenceMs = 500;

/** What time does to ready rows: unused preferences end, and claims start at the lowest tag that is left. */
export function settle(m: Model): number {
  let freed = 0;
  for (const row of m.work)
    if (row.status === "ready" && row.preferred !== null && row.availableAt < tick(m) - preferenceMs) {
      row.preferred = null;
      freed += 1;
    }
  const tags = m.work.flatMap((row) => (row.status === "ready" ? [row.tag!] : []));
  const behind = Math.max(m.tagsElsewhere, ...m.tenants.map((row) => row.lastTag));
  m.floor = Math.max(m.floor, tags.length > 0 ? Math.min(...tags) : behind);
  return freed;
}

export function advance(m: Model, ms: number): void {
  m.now += ms;
}

export function isDone(m: Model): boolean {
  return m.work.every((row) => !live.includes(row.status));
}
