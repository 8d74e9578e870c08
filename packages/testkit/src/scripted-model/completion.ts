import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { systemClock } from "@open-cowork/contracts/clock";

/** One answer being given, streamed or whole. */
export interface Completion {
  text(kind: "content" | "reasoning_content", piece: string, signal: AbortSignal): Promise<void>;
  toolCall(id: string, tool: string, args: Record<string, unknown>, signal: AbortSignal): Promise<void>;
  /** A status while nothing has been sent; afterwards a frame in the stream, as real providers do. */
  fail(failure: { status: number; body: unknown; headers: Record<string, string> }): void;
  finish(promptTokens: number): void;
}

export function startCompletion(response: ServerResponse, id: string, model: string, stream: boolean): Completion {
  const base = { id, created: Math.floor(systemClock.now().getTime() / 1_000), model };
  return stream ? streamed(response, base) : whole(response, base);
}

interface Base {
  id: string;
  created: number;
  model: string;
}

function streamed(response: ServerResponse, base: Base): Completion {
  let written = 0;
  let calls = 0;
  const frame = (data: unknown) => `data: ${typeof data === "string" ? data : JSON.stringify(data)}\n\n`;
  const chunk = (delta: object, finish: string | null) =>
    frame({ ...base, object: "chat.completion.chunk", choices: [{ index: 0, delta, finish_reason: finish }] });
  const begin = () => {
    if (response.headersSent) return;
    response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
    response.write(chunk({ role: "assistant", content: "" }, null));
  };
  const send = async (text: string, signal: AbortSignal) => {
    begin();
    if (!response.write(text)) await once(response, "drain", { signal });
  };
  return {
    async text(kind, piece, signal) {
      written += piece.length;
      await send(chunk({ [kind]: piece }, null), signal);
    },
    async toolCall(callId, tool, args, signal) {
      const index = calls++;
      const json = JSON.stringify(args);
      written += json.length;
      // The name first and the arguments in two halves, as providers send them: whoever parses must join.
      const half = Math.ceil(json.length / 2);
      const head = { index, id: callId, type: "function", function: { name: tool, arguments: "" } };
      await send(chunk({ tool_calls: [head] }, null), signal);
      for (const part of [json.slice(0, half), json.slice(half)]) {
        await send(chunk({ tool_calls: [{ index, function: { arguments: part } }] }, null), signal);
      }
    },
    fail({ status, body, headers }) {
      if (response.headersSent) response.end(frame(body));
      else sendJson(response, status, body, headers);
    },
    finish(promptTokens) {
      begin();
      response.write(chunk({}, calls > 0 ? "tool_calls" : "stop"));
      const last = { ...base, object: "chat.completion.chunk", choices: [], usage: usage(promptTokens, written) };
      response.end(frame(last) + frame("[DONE]"));
    },
  };
}

function whole(response: ServerResponse, base: Base): Completion {
  const message: { role: "assistant"; content: string; reasoning_content?: string; tool_calls?: object[] } = {
    role: "assistant",
    content: "",
  };
  let written = 0;
  return {
    async text(kind, piece) {
      written += piece.length;
      message[kind] = (message[kind] ?? "") + piece;
    },
    async toolCall(id, tool, args) {
      const json = JSON.stringify(args);
      written += json.length;
      (message.tool_calls ??= []).push({ id, type: "function", function: { name: tool, arguments: json } });
    },
    fail({ status, body, headers }) {
      sendJson(response, status, body, headers);
    },
    finish(promptTokens) {
      sendJson(response, 200, {
        ...base,
        object: "chat.completion",
        choices: [{ index: 0, message, finish_reason: message.tool_calls === undefined ? "stop" : "tool_calls" }],
        usage: usage(promptTokens, written),
      });
    },
  };
}

/** About four characters to a token, so that meters downstream show plausible, repeatable numbers. */
function usage(promptTokens: number, writtenCharacters: number) {
  const completionTokens = Math.max(1, Math.ceil(writtenCharacters / 4));
  return {
    prompt_tokens: promptTokens,
    completion_tokens: completionTokens,
    total_tokens: promptTokens + completionTokens,
  };
}

export function sendJson(
  response: ServerResponse,
  status: number,
  body: unknown,
  headers: Record<string, string> = {},
): void {
  response.writeHead(status, { "content-type": "application/json", ...headers });
  response.end(JSON.stringify(body));
}
