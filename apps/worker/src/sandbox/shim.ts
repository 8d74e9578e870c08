import { connect, createServer, type Socket } from "node:net";
import { inside, ports } from "./layout.ts";

/**
 * The door of a sandbox. Its network has no way out, so two sockets of the worker lead in and out: the worker's requests
 * arrive on a listening socket that it handed down as file descriptor 3, and what the program sends to the model's port
 * of loopback leaves by the socket that the worker mounted. Bytes are passed on as they come, as fast as they are taken.
 */
const mostConnections = 64;

const fromWorker = createServer({ allowHalfOpen: true }, (near) => {
  join(near, connect({ host: "127.0.0.1", port: ports.program, allowHalfOpen: true }));
});
const fromProgram = createServer({ allowHalfOpen: true }, (near) => {
  join(near, connect({ path: inside.modelSocket, allowHalfOpen: true }));
});
for (const server of [fromWorker, fromProgram]) server.maxConnections = mostConnections;
fromWorker.listen({ fd: 3 });
fromProgram.listen(ports.model, "127.0.0.1");

/** Each side's end is the other's end, and a side that breaks breaks the other. */
function join(near: Socket, far: Socket): void {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ] as const) {
    from.setNoDelay(true);
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroySoon());
  }
}
