import type { Failure } from "@open-cowork/contracts/refusals";
import type { EngineError, EngineEvent, EngineInfo } from "./engine-event.ts";

export type TurnEnd =
  | { kind: "completed" }
  /** Somebody asked for it. */
  | { kind: "aborted" }
  | { kind: "failed"; reason: Failure; message: string };

/**
 * Knows when a turn is over. OpenCode says idle before it has completed the message of a failed turn, and answers a
 * prompt that it will never run with 204; so a turn ends when the session is idle and either every message of the
 * assistant is completed, or there is none and an error says why.
 */
export class TurnTracker {
  readonly #before: ReadonlySet<string>;
  readonly #users = new Set<string>();
  readonly #answers = new Map<string, { completed: boolean; error: EngineError | undefined }>();
  #idle = false;
  #error: EngineError | undefined;
  #retries = 0;
  #retryMessage = "";

  /** `before`: the messages that are there already; they belong to earlier turns. */
  constructor(before: ReadonlySet<string>) {
    this.#before = before;
  }

  /** Whether the event says something of this turn. */
  accept(event: EngineEvent): boolean {
    switch (event.type) {
      case "message.updated":
        return this.#message(event.info);
      case "message.part.updated":
        return !this.#before.has(event.part.messageID);
      case "message.part.delta":
        return !this.#before.has(event.messageID);
      case "session.error":
        this.#error = event.error;
        return true;
      case "session.status":
        this.#status(event.status);
        return false;
      default:
        return false;
    }
  }

  /** Whether this says nothing new: the message is known, and known to be completed if it is. */
  hasHeard(info: EngineInfo): boolean {
    if (this.#before.has(info.id) || this.#users.has(info.id)) return true;
    return this.#answers.get(info.id)?.completed === (info.time?.completed !== undefined);
  }

  /** The messages of this turn, for whoever starts the next one. */
  messageIds(): string[] {
    return [...this.#users, ...this.#answers.keys()];
  }

  isIdle(): boolean {
    return this.#idle;
  }

  /** How often OpenCode has asked the provider again since it last got anywhere. */
  providerRetries(): { count: number; message: string } {
    return { count: this.#retries, message: this.#retryMessage };
  }

  end(): TurnEnd | null {
    if (!this.#idle) return null;
    const answers = [...this.#answers.values()];
    if (answers.length === 0) return this.#error ? endOfError(this.#error) : null;
    if (!answers.every((answer) => answer.completed)) return null;
    const { error } = answers.at(-1)!;
    return error ? endOfError(error) : { kind: "completed" };
  }

  #message(info: EngineInfo): boolean {
    if (this.#before.has(info.id)) return false;
    if (info.role === "user") this.#users.add(info.id);
    else {
      this.#retries = 0;
      const completed = info.time?.completed !== undefined;
      this.#answers.set(info.id, { completed, error: info["error"] as EngineError | undefined });
    }
    return true;
  }

  #status(status: { type: string; attempt?: number | undefined; message?: unknown }): void {
    this.#idle = status.type === "idle";
    if (status.type !== "retry") return;
    this.#retries = status.attempt ?? this.#retries + 1;
    this.#retryMessage = typeof status.message === "string" ? status.message : "";
  }
}

function endOfError(error: EngineError): TurnEnd {
  if (error.name === "MessageAbortedError") return { kind: "aborted" };
  return { kind: "failed", reason: failureOf(error), message: error.data?.message ?? error.name };
}

function failureOf(error: EngineError): Failure {
  if (error.name === "ProviderAuthError") return "provider_error";
  if (error.name !== "APIError") return "runtime_error";
  const { statusCode, isRetryable } = error.data ?? {};
  if (statusCode === undefined) return isRetryable === false ? "provider_error" : "provider_unavailable";
  return statusCode === 429 || statusCode >= 500 ? "provider_unavailable" : "provider_error";
}
