import { rename, rm } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SessionFolders } from "../sandbox/sandbox.ts";
import { openSessionFolders, sessionFoldersOf } from "../sandbox/session-folders.ts";
import { removeTurnNote } from "./turn-note.ts";

export const sessionDirectoryOf = (workerRoot: string, sessionId: string): SessionFolders =>
  sessionFoldersOf(resolve(workerRoot, "sessions", sessionId));

export const openSessionDirectory = (workerRoot: string, sessionId: string): Promise<SessionFolders> =>
  openSessionFolders(sessionDirectoryOf(workerRoot, sessionId).root);

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
