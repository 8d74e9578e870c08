import { accessSync, chmodSync, constants, mkdirSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join, resolve } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { StartRefused } from "./refusal.ts";
import { writeEntry } from "./registry.ts";

/** The first thing that a start puts there. */
const lockFile = "lock";
const wayOut = "set OPEN_COWORK_CLOUD_ROOT to a directory of your own";

/** Makes and claims the directory that holds everything; refuses when it is not ours to use. */
export function openRoot(configured: string, repository: string): string {
  // The default lives in the clone; what a person typed means what it means where they typed it.
  const from = process.env["OPEN_COWORK_CLOUD_ROOT"] ? (process.env["INIT_CWD"] ?? process.cwd()) : repository;
  const root = resolve(from, configured);
  try {
    mkdirSync(root, { recursive: true, mode: 0o700 });
    const owner = statSync(root).uid;
    const self = process.getuid?.();
    if (self !== undefined && owner !== self) {
      throw new StartRefused(
        `${root} belongs to another user (uid ${owner}, you are ${self}): start as that user, or ${wayOut}`,
      );
    }
    refuseForeign(root);
    chmodSync(root, 0o700);
    accessSync(root, constants.W_OK);
    return root;
  } catch (error) {
    if (error instanceof StartRefused) throw error;
    throw new StartRefused(
      `cannot write to ${root} (${(error as NodeJS.ErrnoException).code}): make it writable, or ${wayOut}`,
    );
  }
}

/** What is there already must be ours: the directory is closed to everybody else, and /tmp or a home must not be. */
function refuseForeign(root: string): void {
  const present = readdirSync(root).filter((name) => name !== "lost+found");
  if (present.length === 0 || present.includes(lockFile)) return;
  throw new StartRefused(`${root} holds something else (${present[0]}): ${wayOut}, new or empty`);
}

interface Launcher {
  pid: number;
  url: string;
}

/**
 * One launcher per root. SQLite's file lock is held by the kernel and ends with the process however it dies, so it
 * needs no proof that a recorded pid is still the same program, and two starts at once can't both win.
 */
export function claimRoot(root: string, self: Launcher): { release(): void } {
  const lock = new DatabaseSync(join(root, lockFile), { timeout: 0 });
  const file = join(root, "launcher.json");
  try {
    lock.exec("begin exclusive");
  } catch (error) {
    if (!/locked/.test((error as Error).message)) throw error;
    const first = readLauncher(file);
    const who = first ? ` (pid ${first.pid}) at ${first.url}` : "";
    throw new StartRefused(`already running on ${root}${who}: open that, stop it first, or ${wayOut}`);
  }
  writeEntry(file, self);
  mkdirSync(join(root, "logs"), { recursive: true, mode: 0o700 });
  return { release: () => lock.close() };
}

function readLauncher(file: string): Launcher | null {
  try {
    return JSON.parse(readFileSync(file, "utf8")) as Launcher;
  } catch {
    return null;
  }
}
