import { beatMs } from "@open-cowork/contracts/stream";
import { duration } from "../transcript/relative-time.ts";

/** What the page knows about its stream. `sinceMs` is when it was last known to be live (monotonic). */
export type Connection =
  | { kind: "live" }
  | { kind: "broken"; sinceMs: number }
  | { kind: "ended"; reason: "signed_out" | "gone" };

/** Two beats and a half without a word: the stream is dead, whatever the socket says. */
export const silentMs = beatMs * 2.5;
/** Until then a person need not worry; the page comes back by itself either way. */
const lostAfterMs = 15_000;

const firstRetryMs = 500;
const lastRetryMs = 8_000;

export function retryDelayMs(failures: number): number {
  return Math.min(lastRetryMs, firstRetryMs * 2 ** failures);
}

export function describeConnection(
  connection: Connection,
  nowMs: number,
): { kind: "live" | "reconnecting" | "lost"; text: string } {
  if (connection.kind === "live") return { kind: "live", text: "live" };
  if (connection.kind === "ended") {
    return {
      kind: "lost",
      text: connection.reason === "signed_out" ? "signed out" : "this session can't be followed any more",
    };
  }
  const brokenMs = nowMs - connection.sinceMs;
  return brokenMs < lostAfterMs
    ? { kind: "reconnecting", text: "reconnecting…" }
    : { kind: "lost", text: `connection lost for ${duration(brokenMs)}` };
}
