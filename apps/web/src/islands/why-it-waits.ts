import { systemClock, within } from "@open-cowork/contracts/clock";
import { turnsOf, type Transcript } from "@open-cowork/contracts/transcript";
import { whyItWaits, type WaitingReason } from "@open-cowork/contracts/waiting";
import { signal, type ReadonlySignal } from "@preact/signals";
import { currentTurn, isActive } from "../transcript/turn-status.ts";

const lookMs = 3_000;
const answerMs = 5_000;

/**
 * Asks why a prompt does not get on, but only when nothing has come for a while: whoever watches words arrive needs no
 * explanation.
 */
export function explainQuiet(sessionId: string, transcript: ReadonlySignal<Transcript | null>) {
  const why = signal<string | null>(null);
  void (async () => {
    let before = transcript.value;
    for (;;) {
      await systemClock.sleep(lookMs);
      const now = transcript.value;
      const current = now ? currentTurn(turnsOf(now)) : undefined;
      const isQuiet = now === before && current !== undefined && isActive(current.command);
      before = now;
      why.value = isQuiet && !document.hidden ? await ask(sessionId) : null;
    }
  })();
  return why;
}

async function ask(sessionId: string): Promise<string | null> {
  try {
    const answer = await within(answerMs, "the plane", fetch(`/api/sessions/${sessionId}/waiting`));
    if (!answer.ok) return null;
    return whyItWaits(((await answer.json()) as { reason: WaitingReason }).reason);
  } catch {
    return null;
  }
}
