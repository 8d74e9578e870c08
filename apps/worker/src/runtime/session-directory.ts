import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SessionFolders } from "../sandbox/sandbox.ts";
import { removeTurnNote } from "./turn-note.ts";

export function sessionDirectoryOf(workerRoot: string, sessionId: string): SessionFolders {
  const root = resolve(workerRoot, "sessions", sessionId);
  return {
    root,
    home: join(root, "home"),
    state: join(root, "state"),
    workspace: join(root, "workspace"),
    tools: join(root, "tools"),
  };
}

/**
 * Creates what is missing and keeps what is there, so it also adopts the directory of an earlier attempt. What lies in
 * the folders is the agent's from their first use on, and is only touched from inside its sandbox.
 */
export async function openSessionDirectory(workerRoot: string, sessionId: string): Promise<SessionFolders> {
  const folders = sessionDirectoryOf(workerRoot, sessionId);
  await mkdir(folders.root, { recursive: true, mode: 0o700 });
  await create(folders.home);
  await create(folders.state, "tmp");
  await create(folders.workspace);
  await create(folders.tools, "home", "tmp");
  return folders;
}

/** All at once, so that nothing has to be made later in a folder that is the agent's by then. */
async function create(path: string, ...inside: string[]): Promise<void> {
  if (existsSync(path)) return;
  const fresh = `${path}.new`;
  await rm(fresh, { recursive: true, force: true });
  for (const each of [fresh, ...inside.map((name) => join(fresh, name))]) await mkdir(each, { mode: 0o700 });
  await rename(fresh, path);
}

/**
 * OpenCode's state out of the way of a new one, for whoever looks into why it could not be used; the newest is kept.
 * The workspace stays: it is the person's, and not part of what went wrong.
 */
export async function putStateAside(workerRoot: string, sessionId: string): Promise<void> {
  const { root, state } = sessionDirectoryOf(workerRoot, sessionId);
  const aside = join(root, "state-aside");
  await rm(aside, { recursive: true, force: true });
  await removeTurnNote(root);
  await rename(state, aside);
}
