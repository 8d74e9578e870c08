import { within } from "@open-cowork/contracts/clock";
import type { ErrorBody } from "@open-cowork/contracts/http";

const answerMs = 15_000;
/** What was sent without an answer: it may have arrived, so the same again goes out under the same key. */
let unanswered: { wish: string; key: string } | null = null;

/** Null when it worked, else the line a person reads. */
export async function post(path: string, body: unknown): Promise<string | null> {
  const text = JSON.stringify(body);
  const wish = `${path} ${text}`;
  if (unanswered?.wish !== wish) unanswered = { wish, key: crypto.randomUUID() };
  try {
    const headers = { "content-type": "application/json", "idempotency-key": unanswered.key };
    const answer = await within(answerMs, "the plane", fetch(path, { method: "POST", headers, body: text }));
    if (answer.ok) {
      unanswered = null;
      return null;
    }
    const { error } = (await answer.json()) as ErrorBody;
    if (!error.retryable) unanswered = null;
    return error.message;
  } catch {
    return "The plane could not be reached. Your text is still here: send it again, it will arrive once.";
  }
}
