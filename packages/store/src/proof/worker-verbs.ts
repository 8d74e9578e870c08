import { isFinal } from "@open-cowork/contracts/transcript";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { failures, type Failure } from "@open-cowork/contracts/refusals";
import { workerLifecycle } from "@open-cowork/contracts/lifecycles";
import { commandId, endAttempt, move, state, tick, ttlMs, type Ended, type Model } from "./model.ts";
import type { AttemptRow, LaneRow, WorkRow } from "./state.ts";

export interface Given {
  work: number;
  attempt: number;
  token: string;
  nextBatch: number;
  text: string;
}

/** `drawn` is what the database was seen to take: among rows of equal standing it may choose, and nothing else. */
export function claim(
  m: Model,
  boot: number,
  request: string,
  limit: number,
  drawn: readonly number[] = [],
): Outcome<Given[], "worker_not_active"> {
  const { worker, heartbeat } = m.boots[boot]!;
  const status = m.workers[worker]!;
  // What was given is told again, whatever has happened to the worker since.
  const again = m.attempts.filter(
    (row) => row.boot === boot && m.ledger.get(row)!.request === request && holds(m, row),
  );
  if (again.length > 0) return accepted(again.map((row) => describe(m, row)));
  const claims = workerLifecycle[status].claims || (m.bug === "paused_worker_claims" && status === "paused");
  if (!claims || heartbeat?.draining) return refused("worker_not_active");

  const rank = (work: number) => (drawn.includes(work) ? drawn.indexOf(work) : drawn.length);
  const mine = (work: number) => (m.work[work]!.preferred === boot ? 0 : 1);
  const inOrder = (a: number, b: number) => m.work[a]!.tag! - m.work[b]!.tag! || mine(a) - mine(b) || rank(a) - rank(b);
  const isOpen = ({ status, preferred, tag }: WorkRow) =>
    status === "ready" && (preferred === boot || (preferred === null && tag! >= m.floor));
  const candidates = m.work.flatMap((row, work) => (isOpen(row) ? [work] : [])).sort(inOrder);
  if (m.bug === "claim_takes_queued")
    candidates.push(
      ...m.work.flatMap((row, n) => (row.status === "queued" && row.isHead && row.availableAt <= m.now ? [n] : [])),
    );
  const now = tick(m);
  return accepted(
    candidates.slice(0, limit).map((work) => describe(m, giveLease(m, work, worker, boot, request, now))),
  );
}

function giveLease(m: Model, index: number, worker: number, boot: number, request: string, now: number): AttemptRow {
  if (m.work[index]!.status === "queued") move(m, index, "ready");
  const work = move(m, index, "leased");
  work.attempt += 1;
  work.commandStatus = "working";
  work.reason = null;
  const lane = m.lanes[work.lane]!;
  const lease = { work: index, attempt: work.attempt, expiresAt: now + ttlMs, worker, boot, lastBatch: 0 };
  lane.lease = lease;
  lane.lastBoot = boot;
  const before = m.attempts.find((row) => row.work === index && row.worker === worker);
  const token = before && m.bug === "token_reused" ? m.ledger.get(before)!.token : `token-${index}-${work.attempt}`;
  const row: AttemptRow = { ...lease, outcome: null, reason: null, checkpoint: 0, refused: [] };
  m.attempts.push(row);
  m.tokens.set(token, row);
  state(m, work.lane, index, work.attempt, {
    type: "attempt.started",
    payload: { commandId: commandId(index), attempt: work.attempt, worker: `worker-${worker}` },
  });
  m.ledger.set(row, { token, request, finishBatch: null, answer: 0, lastAnswer: 0, memory: lane.nextSeq });
  m.history.push({
    is: "claimed",
    work: index,
    attempt: work.attempt,
    token,
    worker,
    at: now,
    expiresAt: lease.expiresAt,
  });
  m.audit.push(`work_claimed ${index}#${work.attempt}`);
  return row;
}

function describe(m: Model, row: AttemptRow): Given {
  const { lease } = laneOf(m, row);
  const { token } = m.ledger.get(row)!;
  return { work: row.work, attempt: row.attempt, token, nextBatch: lease!.lastBatch + 1, text: m.work[row.work]!.text };
}

const laneOf = (m: Model, row: AttemptRow): LaneRow => m.lanes[m.work[row.work]!.lane]!;

function holds(m: Model, row: AttemptRow): boolean {
  const { lease } = laneOf(m, row);
  if (m.bug === "no_fence") return lease !== null;
  if (m.bug === "owner_fence") return lease !== null && lease.work === row.work && lease.worker === row.worker;
  return lease !== null && lease.work === row.work && lease.attempt === row.attempt;
}

type Fenced = "stale_lease" | "lease_ended";

/** The fence: may this token still write? The first refusal of each class leaves evidence. */
function fence(m: Model, token: string, writeClass: string): { row: AttemptRow; reason: Fenced | null } {
  const row = m.tokens.get(token)!;
  if (
    holds(m, row) &&
    (laneOf(m, row).lease!.expiresAt > tick(m) || m.bug === "no_expiry_check" || lenient(m, writeClass))
  )
    return { row, reason: null };
  if (row.outcome !== null && row.outcome !== "lost") return { row, reason: "lease_ended" };
  m.history.push({ is: "refused", work: row.work, attempt: row.attempt, writeClass });
  if (!row.refused.includes(writeClass) || m.bug === "evidence_twice") {
    if (!row.refused.includes(writeClass)) row.refused.push(writeClass);
    if (m.bug !== "evidence_forgotten")
      m.audit.push(`stale_owner_write_rejected ${row.work}#${row.attempt} ${writeClass}`);
  }
  return { row, reason: "stale_lease" };
}

const lenient = (m: Model, writeClass: string) => m.bug === "renew_after_expiry" && writeClass === "renewals";

export function renew(m: Model, token: string): Outcome<{ stopping: boolean }, Fenced | "worker_not_active"> {
  const { row, reason } = fence(m, token, "renewals");
  if (reason) return refused(reason);
  const lease = laneOf(m, row).lease!;
  const status = m.workers[lease.worker]!;
  if (!workerLifecycle[status].renews && !(m.bug === "paused_worker_renews" && status === "paused"))
    return refused("worker_not_active");
  const at = tick(m);
  lease.expiresAt = at + ttlMs;
  m.history.push({ is: "renewed", work: row.work, attempt: row.attempt, at, expiresAt: lease.expiresAt });
  return accepted({ stopping: m.work[row.work]!.stopping });
}

export function takeSignals(m: Model, token: string): Outcome<{ stopping: boolean }, Fenced> {
  const { row, reason } = fence(m, token, "signals");
  return reason ? refused(reason) : accepted({ stopping: m.work[row.work]!.stopping });
}

export function append(
  m: Model,
  token: string,
  batch: number,
  events: readonly RuntimeEvent[],
): Outcome<{ through: number }, Fenced | "batch_out_of_order"> {
  const { row, reason } = fence(m, token, "events");
  if (reason) return refused(reason);
  const lane = laneOf(m, row);
  const lease = lane.lease!;
  const ledger = m.ledger.get(row)!;
  if (batch === lease.lastBatch && batch > 0 && m.bug !== "repeat_writes_again")
    return accepted({ through: ledger.lastAnswer });
  if (
    batch !== lease.lastBatch + 1 &&
    !(batch === lease.lastBatch && m.bug === "repeat_writes_again") &&
    !isUnfenced(m)
  )
    return refused("batch_out_of_order");
  ledger.lastAnswer = write(m, row, batch, events);
  lease.lastBatch = batch;
  return accepted({ through: ledger.lastAnswer });
}

const isUnfenced = (m: Model) => m.bug === "no_fence" || m.bug === "owner_fence";

/** Appends runtime events with the read model in step. */
function write(m: Model, row: AttemptRow, batch: number, events: readonly RuntimeEvent[]): number {
  const lane = laneOf(m, row);
  const ledger = m.ledger.get(row)!;
  const at = tick(m);
  m.commit += 1;
  if (m.bug === "seq_from_memory") lane.nextSeq = ledger.memory;
  for (const event of events) {
    const seq = lane.nextSeq++;
    lane.events.push({ seq, attempt: row.attempt, commandId: commandId(row.work), at: "", ...event });
    const { work, attempt } = row;
    m.history.push({ is: "wrote", lane: m.work[work]!.lane, seq, work, attempt, batch, commit: m.commit, at });
    project(m, lane, row, seq, event);
  }
  // Deltas of a part that has its end are superseded.
  const superseded = new Set<string>();
  for (const event of events)
    if (event.type === "message.part.updated" && isFinal(event.payload.part)) superseded.add(event.payload.part.id);
  if (superseded.size > 0)
    lane.events = lane.events.filter(
      (event) =>
        event.type !== "message.part.delta" ||
        !(superseded.has(event.payload.partID) || m.bug === "compacts_its_neighbours"),
    );
  ledger.memory = lane.nextSeq;
  return lane.nextSeq - 1;
}

function project(m: Model, lane: LaneRow, row: AttemptRow, seq: number, event: RuntimeEvent): void {
  if (event.type !== "message.updated" && event.type !== "message.part.updated") return;
  const isPart = event.type === "message.part.updated";
  const body = isPart ? event.payload.part : event.payload.info;
  const key = isPart ? `${event.payload.part.messageID}/${body.id}` : `${body.id}/`;
  if (m.bug === "read_model_lags" && lane.parts[key]) return;
  lane.parts[key] = { lastSeq: seq, work: row.work, attempt: row.attempt, body };
}

export interface End {
  outcome: "succeeded" | "failed" | "cancelled" | "released";
  reason: Failure | null;
}

export function finish(
  m: Model,
  token: string,
  batch: number,
  events: readonly RuntimeEvent[],
  { outcome, reason: why }: End,
): Outcome<{ through: number }, Fenced | "batch_out_of_order"> {
  const known = m.tokens.get(token)!;
  const ledger = m.ledger.get(known)!;
  if (known.outcome !== null && ledger.finishBatch === batch) return accepted({ through: ledger.answer });
  const { row, reason } = fence(m, token, "session_command_status");
  if (reason) return refused(reason);
  if (batch !== laneOf(m, row).lease!.lastBatch + 1 && !isUnfenced(m)) return refused("batch_out_of_order");
  write(m, row, batch, events);
  const { lane } = m.work[row.work]!;
  const { through } = endAttempt(m, lane, endedBy(outcome, why), why);
  m.ledger.get(row)!.finishBatch = batch;
  return accepted({ through });
}

/** What a failure means is a table of contracts: never, later (counted, after a pause) or free (at once, not counted). */
function endedBy(outcome: End["outcome"], reason: Failure | null): Ended {
  if (outcome !== "failed") return outcome;
  return { never: "failed", later: "retried", free: "released" }[failures[reason!].retry] as Ended;
}

export function saveCheckpoint(m: Model, token: string): Outcome<{ version: number }, Fenced> {
  const { row, reason } = fence(m, token, "checkpoint_metadata");
  if (reason) return refused(reason);
  const { lane } = m.work[row.work]!;
  const version = 1 + Math.max(0, ...m.work.map((work) => (work.lane === lane ? work.checkpoint : 0)));
  row.checkpoint = version;
  m.work[row.work]!.checkpoint = version;
  m.audit.push(`checkpoint_saved ${row.work}#${row.attempt} ${version}`);
  return accepted({ version });
}

export function heartbeat(
  m: Model,
  boot: number,
  seq: number,
  draining: boolean,
): Outcome<{ status: string }, "credential_invalid" | "heartbeat_out_of_order"> {
  const row = m.boots[boot]!;
  const status = m.workers[row.worker]!;
  if (!workerLifecycle[status].heartbeats) {
    noteRefusal(m, row.worker, "credential_invalid");
    return refused("credential_invalid");
  }
  // After a lost answer.
  if (row.heartbeat?.seq === seq && row.heartbeat.draining === draining) return accepted({ status });
  if (row.heartbeat && row.heartbeat.seq >= seq) {
    noteRefusal(m, row.worker, "heartbeat_out_of_order");
    return refused("heartbeat_out_of_order");
  }
  row.heartbeat = { seq, at: tick(m), draining };
  return accepted({ status });
}

const refusalsMs = 60_000;

/** No organisation's evidence: some of a kind a minute for each source. */
function noteRefusal(m: Model, worker: number, reason: string): void {
  const at = tick(m);
  const recent = m.refusals.filter((one) => one.worker === worker && one.reason === reason && one.at > at - refusalsMs);
  if (recent.length >= m.caps.refusals) return;
  m.refusals.push({ worker, reason, at: tick(m) });
  m.audit.push(`heartbeat_rejected ${reason}`);
}
