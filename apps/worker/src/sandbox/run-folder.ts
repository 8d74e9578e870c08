import { constants } from "node:fs";
import { chmod, mkdir, open, readdir, rm, type FileHandle } from "node:fs/promises";
import { join } from "node:path";

/** The sockets of one running session, in the worker's own part of its folder. */
export interface RunFolder {
  /**
   * Short, however deep the folder lies: the path of a unix socket may have 107 bytes. It leads through an open file
   * descriptor of this process, and works for no other one.
   */
  pathOf(name: string): string;
  close(): Promise<void>;
}

const nameOf = (sessionRoot: string) => join(sessionRoot, "run");

export async function openRunFolder(sessionRoot: string): Promise<RunFolder> {
  const folder = nameOf(sessionRoot);
  // What a worker left that was killed.
  await rm(folder, { recursive: true, force: true });
  await mkdir(folder);
  // The agent's uid has to get through to what is mounted from here, and nobody else gets as far as here.
  await chmod(folder, 0o711);
  const handle: FileHandle = await open(folder, constants.O_RDONLY | constants.O_DIRECTORY);
  return {
    pathOf: (name) => `/proc/self/fd/${handle.fd}/${name}`,
    async close() {
      await handle.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** Of sessions whose worker was killed; nobody listens there any more. */
export async function removeRunFolders(sessionsFolder: string): Promise<void> {
  const sessions = await readdir(sessionsFolder).catch(() => [] as string[]);
  for (const session of sessions) await rm(nameOf(join(sessionsFolder, session)), { recursive: true, force: true });
}
