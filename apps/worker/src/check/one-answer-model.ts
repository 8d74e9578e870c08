import { createServer } from "node:http";
import type { AddressInfo } from "node:net";

/** A model on loopback that gives one answer to everything, so that a check needs no key, no network and no money. */
export async function startOneAnswerModel(answer: string): Promise<{ baseUrl: string; close(): Promise<void> }> {
  const frame = (delta: object, finish_reason: string | null) =>
    `data: ${JSON.stringify({
      id: "chatcmpl-check",
      object: "chat.completion.chunk",
      created: 0,
      model: "check",
      choices: [{ index: 0, delta, finish_reason }],
    })}\n\n`;
  const server = createServer((request, response) => {
    // Read to its end, or the broker's request would be cut.
    request.resume().once("end", () => {
      response.writeHead(200, { "content-type": "text/event-stream" });
      response.end(`${frame({ role: "assistant", content: answer }, null)}${frame({}, "stop")}data: [DONE]\n\n`);
    });
  });
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, "127.0.0.1", resolve);
  });
  return {
    baseUrl: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}
