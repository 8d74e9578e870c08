import { request, type IncomingMessage } from "node:http";

/** Where an engine listens: on a port of loopback, or behind a unix socket that leads into its sandbox. */
export interface EngineAddress {
  url: string;
  socketPath: string | null;
}

/** There was no answer, or it broke off: what the engine thinks of the request is not known. */
export class EngineUnreachable extends Error {
  override name = "EngineUnreachable";
}

/**
 * One request. No connection is kept: the next engine may get this one's port (4096 mostly), and would be sent a dead
 * socket. Aborting also ends an answer that is still being read.
 */
export function sendToEngine(
  address: EngineAddress,
  options: { method: string; path: string; headers: Record<string, string>; body?: string; signal: AbortSignal },
): Promise<IncomingMessage> {
  const { method, path, headers, body, signal } = options;
  const { hostname, port } = new URL(address.url);
  const to = address.socketPath === null ? { host: hostname, port } : { socketPath: address.socketPath };
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    const length = body === undefined ? {} : { "content-length": String(Buffer.byteLength(body)) };
    const sent = request({ ...to, method, path, agent: false, headers: { ...headers, ...length }, signal }, resolve);
    sent.on("error", (error) => {
      reject(
        signal.aborted ? (signal.reason as Error) : new EngineUnreachable("OpenCode did not answer", { cause: error }),
      );
    });
    sent.end(body);
  });
}

/** The whole answer as text, bounded like everything that comes from outside. */
export async function readAnswer(answer: IncomingMessage, mostBytes: number, signal: AbortSignal): Promise<string> {
  const chunks: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const chunk of answer as AsyncIterable<Buffer>) {
      bytes += chunk.length;
      if (bytes > mostBytes) throw new Error(`OpenCode's answer is longer than ${mostBytes} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    signal.throwIfAborted();
    if ((error as NodeJS.ErrnoException).code === undefined) throw error;
    throw new EngineUnreachable("OpenCode broke off its answer", { cause: error });
  }
  return Buffer.concat(chunks).toString("utf8");
}
