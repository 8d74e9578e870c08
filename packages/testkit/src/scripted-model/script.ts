/**
 * The little language that answers are written in. A script is a list of steps; a `call` ends the model's turn, and
 * the steps after it answer the tool's result. So a script reads like the conversation it plays.
 */
export type ModelScript = readonly ModelStep[];

export type ModelStep =
  | { do: "think"; text: Words; pace: Pace }
  | { do: "say"; text: Words; pace: Pace }
  | { do: "call"; tool: string; args: Record<string, unknown>; onlyIfOffered?: true }
  | { do: "wait"; ms: number }
  | { do: "error"; status: number; body: unknown; headers: Record<string, string>; times: number }
  | { do: "truncate" }
  | { do: "hang" };

/** Either fixed, or made from what this request shows. */
export type Words = string | ((seen: Seen) => string);

export interface Seen {
  /** The Authorization header as it came, or "none". */
  authorization: string;
  /** The last user message, without its `[script:…]` word. */
  prompt: string;
  /** What the tools answered since then, oldest first. */
  toolResults: readonly string[];
}

export interface Pace {
  /** Characters per streamed chunk. */
  chunk: number;
  /** Pause between two chunks. */
  delayMs: number;
}

const talking: Pace = { chunk: 6, delayMs: 25 };

export const say = (text: Words, pace: Partial<Pace> = {}): ModelStep => ({
  do: "say",
  text,
  pace: { ...talking, ...pace },
});

/** Reasoning, sent as `reasoning_content`. */
export const think = (text: Words, pace: Partial<Pace> = {}): ModelStep => ({
  do: "think",
  text,
  pace: { ...talking, ...pace },
});

export const call = (tool: string, args: Record<string, unknown>): ModelStep => ({ do: "call", tool, args });

/** Left out, as if it were not written, where the model is not offered this tool. */
export const callIfOffered = (tool: string, args: Record<string, unknown>): ModelStep => ({
  do: "call",
  tool,
  args,
  onlyIfOffered: true,
});

/** OpenCode's `question` tool: the session then waits for a person. */
export const ask = (question: string, header: string, options: Record<string, string>): ModelStep =>
  call("question", {
    questions: [
      { question, header, options: Object.entries(options).map(([label, description]) => ({ label, description })) },
    ],
  });

export const wait = (ms: number): ModelStep => ({ do: "wait", ms });

/** Before any words: an HTTP status. After some: an error frame in the stream, as real providers do. */
export const error = (
  status: number,
  body: unknown,
  more: { headers?: Record<string, string>; times?: number } = {},
): ModelStep => ({ do: "error", status, body, headers: more.headers ?? {}, times: more.times ?? Infinity });

/** 429 the first `times` that this very request comes, then the script goes on. */
export const rateLimited = (retryAfterSeconds: number, times = 1): ModelStep =>
  error(
    429,
    { error: { message: "Rate limit reached, slow down.", type: "rate_limit_error", code: "rate_limit_exceeded" } },
    { headers: { "retry-after": String(retryAfterSeconds) }, times },
  );

/** Cuts the connection without ending the stream. */
export const truncate = (): ModelStep => ({ do: "truncate" });

/** Says nothing more and keeps the connection open. */
export const hang = (): ModelStep => ({ do: "hang" });

/** The steps of the turn that follows `calls` tool calls of this script, for a model that is offered these tools. */
export function turnOf(whole: ModelScript, calls: number, offered: readonly string[]): ModelStep[] {
  const script = whole.filter((step) => step.do !== "call" || !step.onlyIfOffered || offered.includes(step.tool));
  const ends = script.flatMap((step, index) => (step.do === "call" ? [index + 1] : []));
  const from = calls === 0 ? 0 : (ends[calls - 1] ?? script.length);
  return script.slice(from, ends[calls] ?? script.length);
}
