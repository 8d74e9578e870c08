import type { ServerResponse } from "node:http";

/** In the shape that OpenAI-compatible clients read; once an answer has begun, only breaking it off is left. */
export function sendError(response: ServerResponse, status: number, message: string): void {
  if (response.headersSent || response.destroyed) return void response.destroy();
  // What is left of the request is not read, so the connection can't be used again.
  response.writeHead(status, { "content-type": "application/json", connection: "close" });
  response.end(JSON.stringify({ error: { message, type: "open_cowork_broker" } }));
}
