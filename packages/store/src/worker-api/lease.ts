import type { Decided } from "@open-cowork/contracts/decisions";
import type { CommandId, OrgId, SessionId, SignalId, WorkId } from "@open-cowork/contracts/ids";

declare const leaseBrand: unique symbol;

/**
 * The right to write for one piece of work. Only `claimWork` makes one, and every fenced verb takes one, so a write
 * without a fence does not compile. The token proves it; Postgres decides.
 */
export interface Lease {
  readonly [leaseBrand]: true;
  readonly workId: WorkId;
  readonly sessionId: SessionId;
  readonly attempt: number;
  readonly token: string;
}

/** A lease with what its holder needs to do the work. */
export interface Claimed {
  lease: Lease;
  orgId: OrgId;
  commandId: CommandId;
  text: string;
  runtimeSessionId: string | null;
  traceparent: string | null;
  readyAt: string;
  waitMs: number;
  /** The number of the first event batch; each further one counts up by one. */
  nextBatch: number;
  /** Of the session's profile, as the database holds it; null for work without a session. */
  policy: unknown;
}

/** A word to the holder of a lease, delivered with every renewal until its attempt ends. */
export type Signal =
  | { signalId: SignalId; kind: "stop"; payload: unknown }
  | { signalId: SignalId; kind: "decision"; payload: Decided };
