import { rename } from "node:fs/promises";
import { createServer } from "node:net";

/**
 * A listening unix socket for a child process. The worker makes it, where the child can't, and hands it down as a file
 * descriptor: so nobody in a sandbox can put something else in its place, which the worker would then speak to.
 */
export interface HandedSocket {
  fd: number;
  /** Call once the child has it: from then on only the child answers. */
  handOver(): void;
}

export async function listenForChild(path: string): Promise<HandedSocket> {
  const server = createServer((socket) => socket.destroy());
  // Node removes the path that it listened on when it closes its own end.
  const temporary = `${path}.new`;
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(temporary, resolve);
  });
  await rename(temporary, path);
  return {
    // Node has no way of its own to hand a listening socket to a program that is not Node.
    fd: (Reflect.get(server, "_handle") as { fd: number }).fd,
    handOver: () => void server.close(),
  };
}
