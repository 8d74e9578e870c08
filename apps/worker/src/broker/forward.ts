import { request as httpRequest, type ClientRequest, type IncomingMessage, type ServerResponse } from "node:http";
import { request as httpsRequest } from "node:https";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { deadline } from "@open-cowork/contracts/clock";
import { hidden } from "@open-cowork/contracts/secret-shapes";
import { holdBack } from "./hold-back.ts";
import { sendError } from "./send-error.ts";

export interface BrokerLimits {
  bodyBytes: number;
  /** From the request's end to the answer's headers; a model may think long before its first word. */
  answerMs: number;
  /** Between two pieces of an answer. */
  idleMs: number;
}

/** What became of a request; also the metric's label. */
export type ForwardOutcome = "ok" | "rejected" | "unavailable" | "too_large" | "left" | "broken";

/** The engine's own credentials, and what belongs to one connection only, are not passed on. */
const notForwarded = new Set([
  "authorization",
  "host",
  "connection",
  "keep-alive",
  "proxy-authorization",
  "proxy-connection",
  "te",
  "trailer",
  "transfer-encoding",
  "upgrade",
  "accept-encoding",
  "cookie",
  "expect",
]);
/** Length and checksums would be wrong once a key was replaced. */
const notReturned = new Set([
  "connection",
  "keep-alive",
  "transfer-encoding",
  "content-length",
  "set-cookie",
  "trailer",
  "content-md5",
  "digest",
  "etag",
]);

export async function forward(options: {
  request: IncomingMessage;
  response: ServerResponse;
  url: URL;
  key: string | null;
  limits: BrokerLimits;
  /** Aborts when the token that opened this is taken back. */
  dismissed: AbortSignal;
}): Promise<ForwardOutcome> {
  const { request, response, url, key, limits, dismissed } = options;
  if (Number(request.headers["content-length"] ?? 0) > limits.bodyBytes) return tooLarge(response);

  // One signal for the whole exchange: when the engine leaves, the provider's stream ends as well.
  const left = new AbortController();
  response.once("close", () => left.abort());
  const hangUp = () => void response.destroy();
  dismissed.addEventListener("abort", hangUp);
  response.once("close", () => dismissed.removeEventListener("abort", hangUp));
  const send = url.protocol === "https:" ? httpsRequest : httpRequest;
  const upstream = send(url, {
    method: "POST",
    headers: headersFor(request, key),
    signal: left.signal,
    // No pooled connection: one that the provider has just closed would look like an outage.
    agent: false,
  });
  // Also for what is aborted after its end.
  upstream.on("error", () => {});
  // A broken stream closes the engine's side as well; which of the two went first says whose doing it was.
  let providerFailed = false;
  try {
    const answer = await exchange(upstream, request, limits);
    answer.once("error", () => (providerFailed = !left.signal.aborted));
    return await giveBack(answer, response, key, limits);
  } catch (error) {
    upstream.destroy();
    if (error instanceof BodyTooLarge) return tooLarge(response);
    if (left.signal.aborted && !providerFailed) return "left";
    const isStreaming = response.headersSent;
    sendError(response, 502, "the model provider did not answer");
    return isStreaming ? "broken" : "unavailable";
  }
}

async function exchange(
  upstream: ClientRequest,
  request: IncomingMessage,
  limits: BrokerLimits,
): Promise<IncomingMessage> {
  const late = deadline(limits.answerMs, "the model provider");
  const answered = new Promise<IncomingMessage>((resolve, reject) => {
    upstream.once("response", resolve);
    upstream.once("error", reject);
    late.addEventListener("abort", () => reject(late.reason as Error), { once: true });
  });
  // A provider may answer before it has read everything (413); then the rest of the body no longer matters.
  const sent = pipeline(request, bounded(limits.bodyBytes), upstream);
  // Whichever loses the race may still fail; that is not an error of its own.
  for (const either of [answered, sent]) either.catch(() => {});
  await Promise.race([answered, sent]);
  return answered;
}

async function giveBack(
  answer: IncomingMessage,
  response: ServerResponse,
  key: string | null,
  limits: BrokerLimits,
): Promise<ForwardOutcome> {
  const status = answer.statusCode ?? 502;
  const headers = Object.entries(answer.headers).filter(([name]) => !notReturned.has(name));
  const clean = key === null ? (value: string) => value : (value: string) => value.replaceAll(key, hidden);
  response.writeHead(status, Object.fromEntries(headers.map(([name, value]) => [name, clean(String(value))])));
  response.flushHeaders();
  answer.setTimeout(limits.idleMs, () => answer.destroy(new Error("the model provider fell silent")));
  if (key === null) await pipeline(answer, response);
  else await pipeline(answer, withoutKey(key), response);
  if (status < 400) return "ok";
  return status === 429 || status >= 500 ? "unavailable" : "rejected";
}

function headersFor(request: IncomingMessage, key: string | null): Record<string, string> {
  const kept = Object.entries(request.headers).filter(
    ([name, value]) => !notForwarded.has(name) && value !== undefined,
  );
  return {
    ...Object.fromEntries(kept.map(([name, value]) => [name, String(value)])),
    // A compressed stream could hide a key from the filter.
    "accept-encoding": "identity",
    ...(key === null ? {} : { authorization: `Bearer ${key}` }),
  };
}

class BodyTooLarge extends Error {}

function bounded(mostBytes: number): Transform {
  let bytes = 0;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      bytes += chunk.length;
      if (bytes > mostBytes) done(new BodyTooLarge());
      else done(null, chunk);
    },
  });
}

function withoutKey(key: string): Transform {
  const held = holdBack(new Map([[Buffer.from(key, "utf8").toString("latin1"), hidden]]));
  return new Transform({
    transform: (chunk: Buffer, _encoding, done) =>
      done(null, Buffer.from(held.push(chunk.toString("latin1")), "latin1")),
    flush: (done) => done(null, Buffer.from(held.end(), "latin1")),
  });
}

function tooLarge(response: ServerResponse): ForwardOutcome {
  sendError(response, 413, "the request is larger than the model broker takes");
  return "too_large";
}
