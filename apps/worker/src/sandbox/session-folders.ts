import { existsSync } from "node:fs";
import { mkdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import type { SessionFolders } from "./sandbox.ts";

export const sessionFoldersOf = (root: string): SessionFolders => ({
  root,
  home: join(root, "home"),
  state: join(root, "state"),
  workspace: join(root, "workspace"),
  tools: join(root, "tools"),
});

/**
 * Creates what is missing and keeps what is there, so it also adopts the folders of an earlier attempt. What lies in
 * them is the agent's from their first use on, and is only touched from inside its sandbox.
 */
export async function openSessionFolders(root: string): Promise<SessionFolders> {
  const folders = sessionFoldersOf(root);
  await mkdir(root, { recursive: true, mode: 0o700 });
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
