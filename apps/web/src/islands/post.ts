import { within } from "@open-cowork/contracts/clock";
import type { ErrorBody } from "@open-cowork/contracts/http";

const answerMs = 15_000;

/** Null when it worked, else the line a person reads. */
export async function post(path: string, body: unknown): Promise<string | null> {
  try {
    const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) };
    const answer = await within(answerMs, "the plane", fetch(path, request));
    if (answer.ok) return null;
    return ((await answer.json()) as ErrorBody).error.message;
  } catch {
    return "The plane could not be reached. Your text is still here: look whether it arrived, then send it again.";
  }
}
