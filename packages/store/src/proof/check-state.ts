import { foldEvent, emptyTranscript, type Transcript } from "@open-cowork/contracts/transcript";
import type { CommandStatus, WorkStatus } from "@open-cowork/contracts/lifecycles";
import type { Part, SessionEvent } from "@open-cowork/contracts/events";
import { live, promoted, type LaneRow, type PartRow, type State, type WorkRow } from "./state.ts";

/**
 * What must be true of the rows at every commit, whoever wrote them. Knows nothing of the model's transitions: each line
 * is said again here from the rows alone.
 */
export function stateProblems(state: State): string[] {
  const problems: string[] = [];
  const counted = state.tenants.map(() => ({ waiting: 0, promoted: 0 }));
  const heads: Array<WorkRow | undefined> = [];
  const promotedIn = state.lanes.map(() => 0);

  state.work.forEach((row, n) => {
    // A dead letter that was dropped: what failed stays failed.
    const isDropped = row.status === "cancelled" && row.commandStatus === "failed";
    if (statusOf[row.status] !== row.commandStatus && !isDropped)
      problems.push(`work ${n} is ${row.status} and its command ${row.commandStatus}`);
    if ((row.status === "dead") !== state.dead.includes(n))
      problems.push(`work ${n} is ${row.status}, its dead letter is not`);
    if (!live.includes(row.status)) return;
    const account = counted[state.lanes[row.lane]!.tenant]!;
    if (promoted.includes(row.status)) {
      account.promoted += 1;
      promotedIn[row.lane]! += 1;
    } else account.waiting += 1;
    const head = heads[row.lane];
    if (!head || row.position < head.position) heads[row.lane] = row;
  });

  state.work.forEach((row, n) => {
    if (!live.includes(row.status)) return;
    const isFirst = heads[row.lane] === row;
    if (row.isHead !== isFirst) problems.push(`work ${n} is ${row.isHead ? "" : "not "}marked as head of its lane`);
    if (promoted.includes(row.status) && !isFirst) problems.push(`work ${n} is ${row.status} before its turn`);
    if (row.status === "ready" && row.preferred === null && row.tag! < state.floor)
      problems.push(`work ${n} stands at ${row.tag}, below the floor ${state.floor}: no claim finds it`);
    const { tenant } = state.lanes[row.lane]!;
    const { concurrent } = state.tenants[tenant]!;
    if (isFirst && row.status === "queued" && !row.paused && counted[tenant]!.promoted < concurrent)
      problems.push(`work ${n} is a due head with room, and nobody promoted it`);
  });

  state.tenants.forEach((row, n) => {
    const { waiting, promoted: holding } = counted[n]!;
    if (row.waiting !== waiting) problems.push(`tenant ${n} counts ${row.waiting} waiting, there are ${waiting}`);
    if (row.promoted !== holding) problems.push(`tenant ${n} counts ${row.promoted} promoted, there are ${holding}`);
    if (holding > row.concurrent) problems.push(`tenant ${n} has ${holding} promoted of ${row.concurrent}`);
  });

  state.lanes.forEach(({ lease }, n) => {
    if (promotedIn[n]! > 1) problems.push(`lane ${n} has ${promotedIn[n]} promoted rows`);
    const leased = state.work.findIndex((row) => row.lane === n && row.status === "leased");
    if ((lease?.work ?? -1) !== leased)
      problems.push(`lane ${n} is leased for work ${lease?.work}, leased is ${leased}`);
    if (lease && state.work[lease.work]?.attempt !== lease.attempt)
      problems.push(`lane ${n} holds attempt ${lease.attempt}, its work is at ${state.work[lease.work]?.attempt}`);
    if (lease && state.workers[lease.worker] === "revoked") problems.push(`lane ${n} is held by a revoked worker`);
  });
  return problems;
}

const statusOf: Record<WorkStatus, CommandStatus> = {
  queued: "waiting",
  ready: "waiting",
  leased: "working",
  parked: "working",
  succeeded: "succeeded",
  failed: "failed",
  cancelled: "cancelled",
  dead: "failed",
};

/** What a reader held at some moment: a state and the position it stands at. */
export interface Reader {
  lane: number;
  through: number;
  transcript: Transcript;
}

/** The state that a reader gets without the history: rows of commands and parts, and the deltas that are left. */
export function snapshotOf(state: State, index: number): Reader {
  const lane = state.lanes[index]!;
  const settled: Transcript = { commands: {}, messages: {}, decisions: {} };
  state.work.forEach((row, n) => {
    if (row.lane === index) settled.commands[`command-${n}`] = commandOf(row, n);
  });
  for (const [key, { body, work, attempt }] of Object.entries(lane.parts).sort(inOrder)) {
    const [messageId, partId] = key.split("/") as [string, string];
    const credit = { commandId: `command-${work}`, attempt };
    if (!partId) {
      settled.messages[messageId] = { info: body, ...credit, parts: {} };
      continue;
    }
    const message = (settled.messages[messageId] ??= {
      info: { id: messageId, sessionID: body.sessionID },
      ...credit,
      parts: {},
      unannounced: true,
    });
    if (message.unannounced) Object.assign(message, credit);
    message.parts[partId] = body as Part;
  }
  const transcript = lane.events.filter((event) => isNewer(lane, event)).reduce(foldEvent, settled);
  return { lane: index, through: lane.nextSeq - 1, transcript };
}

/** Messages before parts, and then by age: what is known by parts alone belongs to whoever told of one of them last. */
const inOrder = ([a, { lastSeq: before }]: [string, PartRow], [b, { lastSeq: after }]: [string, PartRow]) =>
  Number(b.endsWith("/")) - Number(a.endsWith("/")) || before - after;

/** A delta from before the newest state of its part is in that state already, or was taken back by it. */
function isNewer(lane: LaneRow, event: SessionEvent): boolean {
  if (event.type !== "message.part.delta") return false;
  const part = lane.parts[`${event.payload.messageID}/${event.payload.partID}`];
  return part !== undefined && event.seq > part.lastSeq;
}

const commandOf = (row: WorkRow, n: number) => ({
  commandId: `command-${n}`,
  commandSeq: row.commandSeq,
  text: row.text,
  by: "Ada",
  at: "",
  status: row.commandStatus,
  attempt: row.attempt,
  reason: row.reason,
});

/** Every reader, from the first event or from what it held, arrives at the state that a new reader gets. */
export function readerProblems(state: State, held: readonly Reader[], snapshot = snapshotOf): string[] {
  return state.lanes.flatMap((lane, n) => {
    const now = JSON.stringify(sorted(snapshot(state, n).transcript));
    const readers = [
      { lane: n, through: 0, transcript: emptyTranscript },
      ...held.filter((reader) => reader.lane === n),
    ];
    return readers.flatMap(({ through, transcript }) => {
      const then = JSON.stringify(
        sorted(lane.events.filter((event) => event.seq > through).reduce(foldEvent, transcript)),
      );
      return then === now ? [] : [`lane ${n}: the fold from ${through} gives ${then}, the read model ${now}`];
    });
  });
}

/** With its keys in order, so that two of them can be compared as text. */
export function sorted(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(sorted);
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).map(([key, inner]) => [key, sorted(inner)] as const);
  return Object.fromEntries(entries.sort(([a], [b]) => (a < b ? -1 : 1)));
}
