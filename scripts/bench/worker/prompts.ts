import { systemClock } from "@open-cowork/contracts/clock";
import { eventually } from "@open-cowork/testkit/eventually";
import type { BenchPlane } from "./bench-plane.ts";

const firstWordsMs = 120_000;
const settleMs = 20_000;

/** Milliseconds from claim to OpenCode taking the prompt, of all turns so far, by what their runtime was. */
export async function acceptances(plane: BenchPlane, turns: number): Promise<Map<string, number[]>> {
  const taken = await plane.spans("turn", turns);
  const starts = await plane.spans("start-runtime", turns);
  const runtimeOf = new Map(starts.map(({ traceId, attributes }) => [traceId, String(attributes["runtime"])]));
  const byRuntime = Map.groupBy(taken, ({ traceId }) => runtimeOf.get(traceId) ?? "unknown");
  return new Map([...byRuntime].map(([name, spans]) => [name, spans.map(acceptedMs)]));
}

const acceptedMs = (span: { attributes: Record<string, string | number> }) => Number(span.attributes["accepted_ms"]);

/** Sessions with one prompt each, in `lanes` at a time; waits between them for what `ready` waits for. */
export async function freshSessions(
  plane: BenchPlane,
  count: number,
  options: { lanes?: number; ready?: (nth: number) => Promise<unknown> } = {},
): Promise<string[]> {
  const sessions: string[] = [];
  const { lanes = 1, ready } = options;
  while (sessions.length < count) {
    await ready?.(sessions.length);
    const batch = Array.from({ length: Math.min(lanes, count - sessions.length) }, async () => {
      const { sessionId } = await plane.client.createSession({});
      await plane.turn(sessionId, "[script:text] hello");
      return sessionId;
    });
    sessions.push(...(await Promise.all(batch)));
  }
  return sessions;
}

/** Milliseconds from the web call that stops a session to OpenCode's answer to its abort. */
export async function aborts(plane: BenchPlane, sessionId: string, count: number): Promise<number[]> {
  const call = "opencode POST /session/*/abort";
  const sentAt: number[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const { commandSeq } = await plane.client.prompt(sessionId, "[script:slow] until I say stop");
    await plane.client.firstWords(sessionId, commandSeq, firstWordsMs);
    sentAt.push(systemClock.now().getTime());
    await plane.client.stop(sessionId);
    await plane.client.outcome(sessionId, commandSeq, firstWordsMs);
  }
  const spans = await eventually(
    "every stopped turn's abort",
    async () => {
      const found = (await plane.spans(call, count)).filter(({ traceId }) => plane.sessionOf(traceId) === sessionId);
      // An abort is said again until OpenCode has heard it; the first of each turn counts.
      const first = Map.groupBy(found, ({ traceId }) => traceId);
      return first.size >= count ? [...first.values()].map((all) => Math.min(...all.map(({ endMs }) => endMs))) : null;
    },
    { withinMs: settleMs },
  );
  spans.sort((a, b) => a - b);
  return spans.map((endMs, nth) => endMs - sentAt[nth]!);
}
