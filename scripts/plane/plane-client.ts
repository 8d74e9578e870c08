import { deadline } from "@open-cowork/contracts/clock";
import type { CommandAccepted, DecisionAnswer, SessionSummary } from "@open-cowork/contracts/http";
import type { StreamFrames } from "@open-cowork/contracts/stream";
import { emptyTranscript, foldEvent, turnsOf, type Transcript } from "@open-cowork/contracts/transcript";

const requestMs = 15_000;

/** A person with a browser, as far as benches, chaos and the launcher's test need one: only the public API. */
export class PlaneClient {
  readonly #origin: string;
  readonly #cookie: string;

  private constructor(origin: string, cookie: string) {
    this.#origin = origin;
    this.#cookie = cookie;
  }

  /** Opens a sign-in link the way its page does. */
  static async signIn(link: string): Promise<PlaneClient> {
    const { origin, searchParams } = new URL(link);
    const answer = await fetch(`${origin}/sign-in`, {
      method: "POST",
      redirect: "manual",
      headers: { origin, "content-type": "application/x-www-form-urlencoded" },
      body: new URLSearchParams({ token: searchParams.get("token") ?? "" }).toString(),
      signal: deadline(requestMs, "the plane"),
    });
    const cookie = answer.headers.getSetCookie()[0]?.split(";")[0];
    if (answer.status !== 303 || !cookie) throw new Error(`the sign-in link was refused (${answer.status})`);
    return new PlaneClient(origin, cookie);
  }

  createSession(wish: { title?: string; prompt?: string; profile?: string }): Promise<SessionSummary> {
    return this.#request("POST", "/api/sessions", wish) as Promise<SessionSummary>;
  }

  getSession(sessionId: string): Promise<SessionSummary> {
    return this.#request("GET", `/api/sessions/${sessionId}`) as Promise<SessionSummary>;
  }

  prompt(sessionId: string, text: string): Promise<CommandAccepted> {
    return this.#request("POST", `/api/sessions/${sessionId}/prompts`, { text }) as Promise<CommandAccepted>;
  }

  async page(path: string): Promise<{ status: number; html: string }> {
    const answer = await fetch(this.#origin + path, {
      headers: this.#headers(),
      signal: deadline(requestMs, "the plane"),
    });
    return { status: answer.status, html: await answer.text() };
  }

  /** Ends what the session is doing now. */
  async stop(sessionId: string): Promise<void> {
    await this.#request("POST", `/api/sessions/${sessionId}/stop`);
  }

  /** The session's state after each frame of its stream, until the caller has seen enough. */
  async *follow(sessionId: string, signal: AbortSignal): AsyncGenerator<Transcript> {
    let state = emptyTranscript;
    for await (const { name, data } of this.frames(sessionId, signal)) {
      if (name === "snapshot") state = (data as StreamFrames["snapshot"]).transcript;
      else if (name === "changes") state = (data as StreamFrames["changes"]).events.reduce(foldEvent, state);
      else if (name === "refused")
        throw new Error(`the stream was refused: ${(data as StreamFrames["refused"]).reason}`);
      yield state;
    }
  }

  /** The stream's frames as they come. */
  async *frames(sessionId: string, signal: AbortSignal): AsyncGenerator<{ name: string; data: unknown }> {
    const answer = await fetch(`${this.#origin}/api/stream?topics=session:${sessionId}`, {
      headers: this.#headers(),
      signal,
    });
    if (!answer.ok || !answer.body)
      throw new Error(`the stream was refused (${answer.status}): ${await answer.text()}`);
    yield* readFrames(answer.body);
  }

  /** Resolves with the first words of the answer to the session's command of this number. */
  async firstWords(sessionId: string, commandSeq: number, withinMs: number): Promise<string> {
    return this.#await(
      sessionId,
      withinMs,
      `an answer to command ${commandSeq}`,
      (turn) => answerText(turn) || null,
      commandSeq,
    );
  }

  /** Resolves with the status in which that command ended. */
  async outcome(sessionId: string, commandSeq: number, withinMs: number): Promise<string> {
    const ended = ({ command }: Turn) => (["waiting", "working"].includes(command.status) ? null : command.status);
    return this.#await(sessionId, withinMs, `the end of command ${commandSeq}`, ended, commandSeq);
  }

  /** Resolves with the id of what that command's agent asks. */
  async ask(sessionId: string, commandSeq: number, withinMs: number): Promise<string> {
    const open = ({ decisions }: Turn) => decisions.find(({ status }) => status === "open")?.decisionId ?? null;
    return this.#await(sessionId, withinMs, `an ask of command ${commandSeq}`, open, commandSeq);
  }

  async decide(sessionId: string, decisionId: string, answer: DecisionAnswer): Promise<void> {
    await this.#request("POST", `/api/sessions/${sessionId}/decisions/${decisionId}`, answer);
  }

  async #await(
    sessionId: string,
    withinMs: number,
    what: string,
    look: (turn: Turn) => string | null,
    commandSeq: number,
  ): Promise<string> {
    const leave = new AbortController();
    const signal = AbortSignal.any([leave.signal, deadline(withinMs, what)]);
    try {
      for await (const state of this.follow(sessionId, signal)) {
        const turn = turnsOf(state).find(({ command }) => command.commandSeq === commandSeq);
        const seen = turn && look(turn);
        if (seen) return seen;
      }
      throw new Error(`the stream ended before ${what}`);
    } catch (error) {
      if (signal.aborted && !leave.signal.aborted)
        throw new Error(`${what} did not come within ${withinMs} ms`, { cause: error });
      throw error;
    } finally {
      leave.abort();
    }
  }

  async #request(method: string, path: string, body?: object): Promise<unknown> {
    const answer = await fetch(this.#origin + path, {
      method,
      headers: { ...this.#headers(), ...(body ? { "content-type": "application/json" } : {}) },
      ...(body ? { body: JSON.stringify(body) } : {}),
      signal: deadline(requestMs, "the plane"),
    });
    if (!answer.ok) throw new Error(`${method} ${path} was refused (${answer.status}): ${await answer.text()}`);
    return answer.json();
  }

  #headers(): Record<string, string> {
    return { cookie: this.#cookie, origin: this.#origin };
  }
}

type Turn = ReturnType<typeof turnsOf>[number];

function answerText(turn: Turn): string {
  const parts = turn.answers.flatMap((message) => Object.values(message.parts));
  return parts
    .map((part) => (part.type === "text" && typeof part["text"] === "string" ? part["text"] : ""))
    .join("")
    .trim();
}

async function* readFrames(body: AsyncIterable<Uint8Array>): AsyncGenerator<{ name: string; data: unknown }> {
  const decoder = new TextDecoder();
  let rest = "";
  for await (const chunk of body) {
    rest += decoder.decode(chunk, { stream: true });
    const frames = rest.split("\n\n");
    rest = frames.pop()!;
    for (const frame of frames) {
      const fields = new Map(
        frame.split("\n").map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1).trim()]),
      );
      const data = fields.get("data");
      if (data) yield { name: fields.get("event") ?? "message", data: JSON.parse(data) as unknown };
    }
  }
}
