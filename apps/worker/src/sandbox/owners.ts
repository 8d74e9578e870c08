import { execFile } from "node:child_process";
import { lstat } from "node:fs/promises";
import { promisify } from "node:util";
import type { SessionFolders } from "./sandbox.ts";

/**
 * Who owns what is in a session. A worker that was started as root gives each live session an unprivileged uid of its
 * own, so that what breaks out of one sandbox is still a stranger to the others. A session keeps its uid while it can,
 * because changing hands costs a walk through all of its files.
 */
export interface Owners {
  /** The uid for this session, which owns its folders from now on. */
  take(folders: SessionFolders): Promise<number>;
  giveBack(uid: number): void;
}

/** Far more than sessions at once, so that two sessions seldom want the same. */
const uids = 10_000;
const chownMs = 60_000;
const run = promisify(execFile);

export function createOwners(firstUid: number): Owners {
  const taken = new Set<number>();
  let next = 0;

  const free = (): number => {
    for (let tried = 0; tried < uids; tried++) {
      const uid = firstUid + (next++ % uids);
      if (!taken.has(uid)) return uid;
    }
    throw new Error(`all ${uids} uids for sandboxes are in use`);
  };

  return {
    async take(folders) {
      const own = [folders.home, folders.state, folders.workspace, folders.tools];
      const now = (await lstat(folders.workspace)).uid;
      const mayKeep = now >= firstUid && now < firstUid + uids && !taken.has(now);
      const uid = mayKeep ? now : free();
      taken.add(uid);
      try {
        for (const path of own) await changeOwner(path, uid);
        return uid;
      } catch (error) {
        taken.delete(uid);
        throw error;
      }
    },
    giveBack: (uid) => void taken.delete(uid),
  };
}

/** Nothing runs in there now, and links are not followed: what they lead to keeps its owner. */
async function changeOwner(path: string, uid: number): Promise<void> {
  if ((await lstat(path)).uid === uid) return;
  // The folder itself last, so that a walk that was cut short is made again.
  const options = { timeout: chownMs };
  const walk = ["-P", path, "-depth", "-exec", "chown", "--no-dereference", `${uid}:${uid}`, "{}", "+"];
  await run("/usr/bin/find", walk, options).catch((error: { stderr?: string }) => {
    const why = error.stderr?.trim().split("\n").at(-1);
    throw new Error(`a session's files can't be given to uid ${uid}: ${why}`, { cause: error });
  });
}
