import type { MessageInfo, Part, SessionEvent } from "@open-cowork/contracts/events";
import type { WorkerStatus, WorkStatus, CommandStatus } from "@open-cowork/contracts/lifecycles";

/**
 * The protocol's state as rows of plain numbers: the model moves it, the database is read into it, and the checker looks
 * at either. Things are named by their index; times are milliseconds since the schedule began.
 */
export interface State {
  now: number;
  tenants: TenantRow[];
  lanes: LaneRow[];
  work: WorkRow[];
  attempts: AttemptRow[];
  workers: WorkerStatus[];
  /** Where claims start: no ready row may stand below it, or nobody would ever find it. */
  floor: number;
  /** One line per piece of evidence, in no particular order. */
  audit: string[];
  /** Open dead letters. */
  dead: number[];
}

export interface TenantRow {
  concurrent: number;
  depth: number;
  weight: number;
  waiting: number;
  promoted: number;
  lastTag: number;
}

export interface LaneRow {
  tenant: number;
  nextSeq: number;
  nextCommandSeq: number;
  nextPosition: number;
  lastBoot: number | null;
  lease: LeaseRow | null;
  /** Every seq was allocated; what is missing here was compacted. */
  events: SessionEvent[];
  /** The read model: `message/part` to its newest state, a message itself being `message/`. */
  parts: Record<string, PartRow>;
}

export interface LeaseRow {
  work: number;
  attempt: number;
  expiresAt: number;
  worker: number;
  boot: number;
  lastBatch: number;
}

export interface PartRow {
  lastSeq: number;
  work: number;
  attempt: number;
  body: MessageInfo | Part;
}

export interface WorkRow {
  lane: number;
  commandSeq: number;
  position: number;
  status: WorkStatus;
  isHead: boolean;
  /** Returned to the queue with a pause, so that only the tick can find it due. */
  paused: boolean;
  pauseMs: number;
  availableAt: number;
  tag: number | null;
  preferred: number | null;
  attempt: number;
  strikes: number;
  /** How many attempts its earlier lives took. */
  diedAt: number;
  checkpoint: number;
  stopping: boolean;
  text: string;
  commandStatus: CommandStatus;
  reason: string | null;
}

export interface AttemptRow {
  work: number;
  attempt: number;
  worker: number;
  boot: number;
  outcome: string | null;
  reason: string | null;
  checkpoint: number;
  refused: string[];
}

/** What happened, in the order in which it committed: the model tells it, triggers record it in the database. */
export type Fact =
  | { is: "claimed"; work: number; attempt: number; token: string; worker: number; at: number; expiresAt: number }
  | { is: "renewed"; work: number; attempt: number; at: number; expiresAt: number }
  /** A trigger does not know the batch; there, each row is compared with the model's. */
  | {
      is: "wrote";
      lane: number;
      seq: number;
      work: number;
      attempt: number;
      batch: number | null;
      commit: number;
      at: number;
    }
  | { is: "stated"; lane: number; seq: number }
  | { is: "ended"; work: number; attempt: number; outcome: string; at: number }
  | { is: "moved"; work: number; from: WorkStatus | null; to: WorkStatus }
  | { is: "worker"; worker: number; to: WorkerStatus }
  /** Heard by a caller, not stored: the evidence must match it. */
  | { is: "refused"; work: number; attempt: number; writeClass: string };

export const live: readonly WorkStatus[] = ["queued", "ready", "leased", "parked"];
export const promoted: readonly WorkStatus[] = ["ready", "leased", "parked"];
export const terminal: readonly WorkStatus[] = ["succeeded", "failed", "cancelled", "dead"];
