import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Secret } from "@open-cowork/secrets/secret";
import { forward, type BrokerLimits, type ForwardOutcome } from "./forward.ts";
import { sendError } from "./send-error.ts";

/**
 * The one door between an agent and its model: a listener on loopback inside the worker. The engine gets this address
 * and a token that counts only while its session holds a lease; the provider's key is added here and never leaves the worker's memory.
 */
export interface Broker {
  /** What an engine is given as its provider's base URL. */
  baseUrl: string;
  /** Lets whoever has this token in. */
  admit(token: string): void;
  /** From now on the token opens nothing. */
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

const usualLimits: BrokerLimits = { bodyBytes: 32 * 1024 * 1024, answerMs: 300_000, idleMs: 120_000 };

export async function startBroker(options: BrokerOptions): Promise<Broker> {
  const tokens = new Set<string>();
  const limits = { ...usualLimits, ...options.limits };
  const key = options.apiKey?.reveal() ?? null;

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const refuse = (status: number, message: string) => {
      options.onRequest("refused");
      sendError(response, status, message);
    };
    if (!tokens.has(bearerOf(request))) return refuse(401, "this model token is unknown or its lease has ended");
    const path = request.url ?? "";
    if (request.method !== "POST" || !path.startsWith("/v1/"))
      return refuse(404, "the model broker takes POST /v1/… only");
    const url = new URL(options.upstream.replace(/\/$/, "") + path.slice("/v1".length));
    options.onRequest(await forward({ request, response, url, key, limits }));
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
    admit: (token) => void tokens.add(token),
    dismiss: (token) => void tokens.delete(token),
    close: () =>
      new Promise((resolve) => {
        tokens.clear();
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
}
