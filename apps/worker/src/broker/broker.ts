import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Secret } from "@open-cowork/secrets/secret";
import { forward, type BrokerLimits, type ForwardOutcome } from "./forward.ts";
import { sendError } from "./send-error.ts";

/**
 * The one door between an agent and its model: a listener on loopback inside the worker. The engine gets this address
 * and a token that counts only while its session holds a lease; the provider's key is added here and goes to the
 * provider alone.
 */
export interface Broker {
  /** What an engine is given as its provider's base URL. */
  baseUrl: string;
  /** Lets whoever has this token in. */
  admit(token: string): void;
  /** From now on the token opens nothing, and what it had opened is cut off. */
  dismiss(token: string): void;
  close(): Promise<void>;
}

export interface BrokerOptions {
  /** Up to and including /v1. */
  upstream: string;
  apiKey: Secret | null;
  onRequest(outcome: ForwardOutcome | "refused"): void;
  limits?: Partial<BrokerLimits>;
}

/** All that OpenCode's OpenAI-compatible provider asks for. */
const onlyCall = "/chat/completions";
const usualLimits: BrokerLimits = { bodyBytes: 32 * 1024 * 1024, answerMs: 300_000, idleMs: 120_000 };

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const admitted = new Map<string, AbortController>();
  const limits = { ...usualLimits, ...options.limits };
  const key = options.apiKey?.reveal() ?? null;
  const base = options.upstream.replace(/\/$/, "");

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const refuse = (status: number, message: string) => {
      options.onRequest("refused");
      sendError(response, status, message);
    };
    const dismissed = admitted.get(bearerOf(request))?.signal;
    if (!dismissed) return refuse(401, "this model token is unknown or its lease has ended");
    // The provider's other doors (files, fine-tuning, whatever `..` leads to) open with the same key.
    const [path, query] = (request.url ?? "").split("?", 2);
    if (request.method !== "POST" || path !== `/v1${onlyCall}`)
      return refuse(404, `the model broker takes POST /v1${onlyCall} only`);
    const url = new URL(base + onlyCall + (query === undefined ? "" : `?${query}`));
    options.onRequest(await forward({ request, response, url, key, limits, dismissed }));
  };

  const server = createServer((request, response) => {
    answer(request, response).catch(() => response.destroy());
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  const { port } = server.address() as AddressInfo;

  return {
    baseUrl: `http://127.0.0.1:${port}/v1`,
    admit: (token) => {
      if (!admitted.has(token)) admitted.set(token, new AbortController());
    },
    dismiss: (token) => {
      admitted.get(token)?.abort();
      admitted.delete(token);
    },
    close: () =>
      new Promise((resolve) => {
        admitted.clear();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
}
