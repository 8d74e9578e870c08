import { existsSync, realpathSync } from "node:fs";
import { readdir, readlink, rename, rm, symlink } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { SessionFolders } from "../sandbox/sandbox.ts";
import { openSessionFolders, sessionFoldersOf } from "../sandbox/session-folders.ts";
import { removeTurnNote } from "./turn-note.ts";

export function sessionDirectoryOf(workerRoot: string, sessionId: string): SessionFolders {
  const path = pathOf(workerRoot, sessionId);
  // The directory of a session that was given a spare runtime has the spare's name; see giveDirectory.
  return sessionFoldersOf(existsSync(path) ? realpathSync(path) : path);
}

export const openSessionDirectory = (workerRoot: string, sessionId: string): Promise<SessionFolders> =>
  openSessionFolders(sessionDirectoryOf(workerRoot, sessionId).root);

const pathOf = (workerRoot: string, name: string) => resolve(workerRoot, "sessions", name);

export function hasDirectory(workerRoot: string, sessionId: string): boolean {
  return existsSync(pathOf(workerRoot, sessionId));
}

/**
 * Makes a spare runtime's directory the session's own, for good: by a link and not by a new name, because without a
 * sandbox OpenCode wrote the paths into its database, and a conversation does not go on in another place.
 */
export async function giveDirectory(workerRoot: string, spareId: string, sessionId: string): Promise<void> {
  await symlink(spareId, pathOf(workerRoot, sessionId));
}

export async function removeDirectory(workerRoot: string, spareId: string): Promise<void> {
  await rm(pathOf(workerRoot, spareId), { recursive: true, force: true });
}

/** Removes the directories of spares that a killed worker never gave to a session. */
export async function removeUngiven(workerRoot: string, isSpare: (name: string) => boolean): Promise<void> {
  const entries = await readdir(resolve(workerRoot, "sessions"), { withFileTypes: true }).catch(() => []);
  const links = entries.filter((entry) => entry.isSymbolicLink());
  const given = new Set(await Promise.all(links.map(({ name }) => readlink(pathOf(workerRoot, name)))));
  const ungiven = entries.filter((entry) => entry.isDirectory() && isSpare(entry.name) && !given.has(entry.name));
  for (const { name } of ungiven) await removeDirectory(workerRoot, name);
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
