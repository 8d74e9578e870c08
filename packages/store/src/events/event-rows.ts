import type { SessionEvent } from "@open-cowork/contracts/events";

export const eventColumns = ["seq", "type", "payload", "attempt", "command_id", "at"] as const;

interface EventRow {
  seq: number;
  type: string;
  payload: unknown;
  attempt: number | null;
  command_id: string | null;
  at: Date;
}

/** What was written by the plane's own code is trusted inside it; it was checked at the border it came through. */
export function toEvent(row: EventRow): SessionEvent {
  return {
    seq: row.seq,
    type: row.type,
    payload: row.payload,
    attempt: row.attempt,
    commandId: row.command_id,
    at: row.at.toISOString(),
  } as SessionEvent;
}
