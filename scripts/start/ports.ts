import { randomInt } from "node:crypto";
import { createServer } from "node:net";

/**
 * Below what kernels hand out to outgoing connections. A port from that range can be taken by any client while its
 * server restarts, even by the client that keeps trying to reach this very port.
 */
const range = { from: 20_000, to: 30_000 };

/** `preferred` when it is still free, so that addresses stay the same from start to start. */
export async function choosePort(preferred?: number): Promise<number> {
  if (preferred !== undefined && (await whyNotFree(preferred)) === null) return preferred;
  for (let tries = 0; tries < 100; tries += 1) {
    const port = randomInt(range.from, range.to);
    if ((await whyNotFree(port)) === null) return port;
  }
  throw new Error(`no free port of 127.0.0.1 between ${range.from} and ${range.to}`);
}

/** Null, or the error code of trying to listen there. */
export function whyNotFree(port: number, host = "127.0.0.1"): Promise<string | null> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
    server.listen({ port, host, exclusive: true }, () => server.close(() => resolve(null)));
  });
}
