import { connect, createServer } from "node:net";

/**
 * The door of a sandbox. Its network has no way out, so two sockets of the worker lead in and out: the worker's requests
 * arrive on a listening socket that it handed down as file descriptor 3, and what the program sends to the model's port
 * of loopback leaves by the socket that the worker mounted. Bytes are passed on as they come, as fast as they are taken.
 *
 *   shim.mjs PROGRAM-PORT MODEL-PORT MODEL-SOCKET
 *
 * Not in TypeScript, because there is one in every session: without what strips types it needs 12 MB instead of 25.
 */
const [programPort, modelPort, modelSocket] = process.argv.slice(2);
const mostConnections = 64;

const fromWorker = createServer({ allowHalfOpen: true }, (near) => {
  join(near, connect({ host: "127.0.0.1", port: Number(programPort), allowHalfOpen: true }));
});
const fromProgram = createServer({ allowHalfOpen: true }, (near) => {
  join(near, connect({ path: modelSocket, allowHalfOpen: true }));
});
for (const server of [fromWorker, fromProgram]) server.maxConnections = mostConnections;
// bwrap ends with the worker as well, but only with one that dies after bwrap has begun to watch it.
process.stdin.resume().on("end", () => process.exit());
fromWorker.listen({ fd: 3 });
fromProgram.listen(Number(modelPort), "127.0.0.1");

/** Each side's end is the other's end, and a side that breaks breaks the other. */
function join(near, far) {
  for (const [from, to] of [
    [near, far],
    [far, near],
  ]) {
    from.setNoDelay(true);
    from.pipe(to);
    from.on("error", () => to.destroy());
    from.on("close", () => to.destroySoon());
  }
}
