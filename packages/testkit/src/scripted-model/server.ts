import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { createHash, randomUUID } from "node:crypto";
import type { AddressInfo } from "node:net";
import { sendJson, startCompletion } from "./completion.ts";
import { type ChatMessage, type ChatRequest, readConversation, titleFor } from "./conversation.ts";
import { play } from "./play.ts";
import { type ModelScript, say, turnOf } from "./script.ts";
import { scripts as builtIn } from "./scripts.ts";

export interface ScriptedModel {
  /** `http://127.0.0.1:PORT/v1` */
  baseUrl: string;
  port: number;
  /** The newest requests, oldest first. */
  requests: RecordedRequest[];
  close(): Promise<void>;
}

export interface RecordedRequest {
  /** The script that answered; "title" for a request for a title. */
  script: string;
  /** How many tool calls of the script came before. */
  turn: number;
  authorization: string;
  model: string;
  tools: string[];
  messages: ChatMessage[];
}

const mostRequests = 100;
const mostBodyBytes = 16 * 1024 * 1024;

/**
 * An OpenAI-compatible model that plays scripts: the one part of the plane that is not real, so that the demo and the
 * tests need no key and no network. Everything it answers is in scripts.ts.
 */
export async function startScriptedModel(
  options: { port?: number; scripts?: Record<string, ModelScript> } = {},
): Promise<ScriptedModel> {
  const known: Record<string, ModelScript> = { ...builtIn, ...options.scripts };
  const requests: RecordedRequest[] = [];
  const refusals = new Map<string, { count: number }>();
  const closing = new AbortController();

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    if (request.method === "GET" && request.url === "/v1/models") {
      const data = ["demo", "demo-small"].map((id) => ({ id, object: "model", owned_by: "open-cowork" }));
      return sendJson(response, 200, { object: "list", data });
    }
    if (request.method !== "POST" || request.url !== "/v1/chat/completions") {
      return refuse(response, 404, `there is no ${request.method} ${request.url} here`);
    }
    const body = await readBody(request);
    const chat = parseChat(body);
    if (chat === null) return refuse(response, 400, "the body is not a chat-completions request");

    const conversation = readConversation(chat);
    const name = conversation.wantsTitle ? "title" : (conversation.script ?? "demo");
    const script = conversation.wantsTitle ? [say(titleFor(conversation.prompt))] : known[name];
    if (script === undefined) {
      return refuse(response, 400, `there is no script "${name}"; there are: ${Object.keys(known).join(", ")}`);
    }
    const authorization = request.headers.authorization ?? "none";
    const tools = chat.tools?.map((tool) => tool.function.name) ?? [];
    remember(requests, {
      script: name,
      turn: conversation.calls,
      authorization,
      model: chat.model,
      tools,
      messages: chat.messages,
    });

    const left = new AbortController();
    response.once("close", () => left.abort(new Error("the client left")));
    const id = `chatcmpl-${randomUUID()}`;
    await play(turnOf(script, conversation.calls, tools), {
      response,
      completion: startCompletion(response, id, chat.model, chat.stream === true),
      seen: { authorization, prompt: conversation.prompt, toolResults: conversation.toolResults },
      promptTokens: Math.ceil(body.length / 4),
      refusals: refusalsOf(refusals, `${String(request.headers["x-session-id"])} ${body}`),
      signal: AbortSignal.any([left.signal, closing.signal]),
    });
  };

  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) => {
      // An abort is how a departed client or a close ends a script; the socket only has to go.
      if (response.destroyed || response.headersSent || closing.signal.aborted) response.destroy();
      else refuse(response, 400, error instanceof Error ? error.message : String(error));
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(options.port ?? 0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    port,
    requests,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        closing.abort(new Error("the scripted model is closing"));
        server.closeAllConnections();
      }),
  };
}

function refuse(response: ServerResponse, status: number, message: string): void {
  sendJson(response, status, { error: { message, type: "invalid_request_error" } });
}

async function readBody(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > mostBodyBytes) throw new Error(`the request is larger than ${mostBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks).toString("utf8");
}

function parseChat(body: string): ChatRequest | null {
  try {
    const chat = JSON.parse(body) as Partial<ChatRequest>;
    return Array.isArray(chat.messages) && typeof chat.model === "string" ? (chat as ChatRequest) : null;
  } catch {
    return null;
  }
}

function remember(requests: RecordedRequest[], request: RecordedRequest): void {
  requests.push(request);
  if (requests.length > mostRequests) requests.shift();
}

/** A retry sends the same body in the same session, and by that it is known. */
function refusalsOf(all: Map<string, { count: number }>, request: string): { count: number } {
  const key = createHash("sha256").update(request).digest("base64");
  const known = all.get(key) ?? { count: 0 };
  all.delete(key);
  all.set(key, known);
  if (all.size > mostRequests) all.delete(all.keys().next().value as string);
  return known;
}
