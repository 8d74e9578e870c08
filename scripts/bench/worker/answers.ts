import { systemClock } from "@open-cowork/contracts/clock";
import type { DecisionAnswer } from "@open-cowork/contracts/http";
import { eventually } from "@open-cowork/testkit/eventually";
import type { BenchPlane } from "./bench-plane.ts";

const askedMs = 120_000;
const settleMs = 20_000;

/** What a person answers, and the call by which OpenCode hears of it. */
const kinds = {
  approval: { script: "tool", answer: { answer: "approve" }, call: "opencode POST /permission/*/reply" },
  question: { script: "question", answer: { answers: [["Blue"]] }, call: "opencode POST /question/*/reply" },
} as const satisfies Record<string, { script: string; answer: DecisionAnswer; call: string }>;

/** Milliseconds from the web call that answers an ask to OpenCode having taken the answer. */
export async function answers(plane: BenchPlane, kind: keyof typeof kinds, count: number): Promise<number[]> {
  const { script, answer, call } = kinds[kind];
  const { sessionId } = await plane.client.createSession({ profile: "careful" });
  const sentAt: number[] = [];
  for (let nth = 0; nth < count; nth += 1) {
    const { commandSeq } = await plane.client.prompt(sessionId, `[script:${script}] and ask first`);
    const decisionId = await plane.client.ask(sessionId, commandSeq, askedMs);
    sentAt.push(systemClock.now().getTime());
    await plane.client.decide(sessionId, decisionId, answer);
    await plane.client.outcome(sessionId, commandSeq, askedMs);
  }
  const ends = await eventually(
    "every answer",
    async () => {
      const found = (await plane.spans(call, count)).filter(({ traceId }) => plane.sessionOf(traceId) === sessionId);
      return found.length >= count ? found.map(({ endMs }) => endMs) : null;
    },
    { withinMs: settleMs },
  );
  ends.sort((a, b) => a - b);
  return ends.map((endMs, nth) => endMs - sentAt[nth]!);
}
