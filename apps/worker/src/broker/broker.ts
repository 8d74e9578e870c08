import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import type { Secret } from "@open-cowork/secrets/secret";
import type { ModelDoor } from "../sandbox/sandbox.ts";
import { forward, type BrokerLimits, type ForwardOutcome } from "./forward.ts";
import { sendError } from "./send-error.ts";

/**
 * The one way from an agent to its model. Each engine gets a door of its own, and a token that counts only while its
 * session holds a lease; the provider's key is added here and goes to the provider alone.
 */
export interface Broker {
  /** At this path, or when null on a port of loopback. */
  openDoor(path: string | null): Promise<ModelDoor>;
  /** No lease has this token yet; until one has, whoever comes with it is early, and no intruder. */
  expect(token: string): void;
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
  onRequest(outcome: ForwardOutcome | "refused" | "early"): void;
  limits?: Partial<BrokerLimits>;
}

/** All that OpenCode's OpenAI-compatible provider asks for. */
const onlyCall = "/chat/completions";
const usualLimits: BrokerLimits = { bodyBytes: 32 * 1024 * 1024, answerMs: 300_000, idleMs: 120_000 };

export function startBroker(options: BrokerOptions): Broker {
  const admitted = new Map<string, AbortController>();
  const expected = new Set<string>();
  const limits = { ...usualLimits, ...options.limits };
  const key = options.apiKey?.reveal() ?? null;
  const base = options.upstream.replace(/\/$/, "");

  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const token = bearerOf(request);
    const refuse = (status: number, message: string) => {
      options.onRequest(expected.has(token) ? "early" : "refused");
      sendError(response, status, message);
    };
    const dismissed = admitted.get(token)?.signal;
    if (!dismissed) return refuse(401, "this model token is unknown or its lease has ended");
    // The provider's other doors (files, fine-tuning, whatever `..` leads to) open with the same key.
    const [path, query] = (request.url ?? "").split("?", 2);
    if (request.method !== "POST" || path !== `/v1${onlyCall}`)
      return refuse(404, `the model broker takes POST /v1${onlyCall} only`);
    const url = new URL(base + onlyCall + (query === undefined ? "" : `?${query}`));
    options.onRequest(await forward({ request, response, url, key, limits, dismissed }));
  };

  const servers = new Set<Server>();
  const shut = (server: Server) =>
    new Promise<void>((resolve) => {
      servers.delete(server);
      server.close(() => resolve());
      server.closeAllConnections();
    });

  return {
    async openDoor(path) {
      const server = createServer((request, response) => {
        answer(request, response).catch(() => response.destroy());
      });
      await new Promise<void>((resolve, reject) => {
        server.once("error", reject);
        if (path === null) server.listen(0, "127.0.0.1", resolve);
        else server.listen(path, resolve);
      });
      servers.add(server);
      const port = path === null ? (server.address() as AddressInfo).port : null;
      return { port, close: () => shut(server) };
    },
    expect: (token) => void expected.add(token),
    admit: (token) => {
      expected.delete(token);
      if (!admitted.has(token)) admitted.set(token, new AbortController());
    },
    dismiss: (token) => {
      expected.delete(token);
      admitted.get(token)?.abort();
      admitted.delete(token);
    },
    async close() {
      admitted.clear();
      await Promise.all([...servers].map(shut));
    },
  };
}

function bearerOf(request: IncomingMessage): string {
  return /^Bearer (\S+)$/.exec(request.headers.authorization ?? "")?.[1] ?? "";
}
