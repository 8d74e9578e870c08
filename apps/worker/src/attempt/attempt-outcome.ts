import type { Failure } from "@open-cowork/contracts/refusals";
import type { AttemptOutcome } from "@open-cowork/store/worker-api/finish-work";
import type { TurnEnd } from "../runtime/turn-tracker.ts";

/** Why a turn was told to stop before its end. */
export type StopCause = "person" | "drain";

/** What the plane is told about a turn that came to this end. */
export function outcomeOf(end: TurnEnd, stopped: StopCause | null): AttemptOutcome {
  // It was faster than whoever wanted to stop it.
  if (end.kind === "completed") return { kind: "succeeded" };
  if (stopped !== null) return outcomeOfStop(stopped);
  if (end.kind === "failed") return { kind: "failed", reason: end.reason };
  // Aborted, but not by us.
  return { kind: "failed", reason: "runtime_error" };
}

export function outcomeOfStop(stopped: StopCause): AttemptOutcome {
  return stopped === "person"
    ? { kind: "cancelled", reason: "stopped_by_person" }
    : { kind: "released", reason: "worker_draining" };
}

/** After these the engine is in a known state, and the session's next prompt may use the same process. */
const leavesEngineFit: ReadonlySet<Failure> = new Set(["provider_error", "provider_unavailable"]);

export function isFitAfter(end: TurnEnd): boolean {
  return end.kind !== "failed" || leavesEngineFit.has(end.reason);
}
