import { execFile } from "node:child_process";
import { existsSync, realpathSync } from "node:fs";
import { mkdir, readdir, readlink, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import { promisify } from "node:util";
import { engineVersion } from "./binary.ts";

/** What one session owns on this machine. Nothing in here is shared with another session. */
export interface SessionDirectory {
  root: string;
  home: string;
  state: string;
  workspace: string;
  database: string;
}

export function sessionDirectoryOf(workerRoot: string, sessionId: string): SessionDirectory {
  const path = pathOf(workerRoot, sessionId);
  // The directory of a session that was given a spare runtime has the spare's name; see giveDirectory.
  const root = existsSync(path) ? realpathSync(path) : path;
  const state = join(root, "state");
  return {
    root,
    home: join(root, "home"),
    state,
    workspace: join(root, "workspace"),
    database: join(state, "opencode.db"),
  };
}

const pathOf = (workerRoot: string, name: string) => resolve(workerRoot, "sessions", name);

export function hasDirectory(workerRoot: string, sessionId: string): boolean {
  return existsSync(pathOf(workerRoot, sessionId));
}

/**
 * Makes a spare runtime's directory the session's own, for good: by a link and not by a new name, because OpenCode wrote
 * the paths into its database, and a conversation does not go on in another place.
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

/** Creates what is missing and keeps what is there, so it also adopts the directory of an earlier attempt. */
export async function openSessionDirectory(workerRoot: string, sessionId: string): Promise<SessionDirectory> {
  const directory = sessionDirectoryOf(workerRoot, sessionId);
  for (const path of [directory.home, join(directory.state, "tmp"), directory.workspace]) {
    await mkdir(path, { recursive: true, mode: 0o700 });
  }
  await seedEngineConfig(join(directory.home, ".config", "opencode"));
  await initialiseWorkspace(directory);
  return directory;
}

/**
 * OpenCode's state out of the way of a new one, for whoever looks into why it could not be used; the newest is kept.
 * The workspace stays: it is the person's, and not part of what went wrong.
 */
export async function putStateAside(workerRoot: string, sessionId: string): Promise<void> {
  const { root, state } = sessionDirectoryOf(workerRoot, sessionId);
  const aside = join(root, "state-aside");
  await rm(aside, { recursive: true, force: true });
  await rename(state, aside);
}

/**
 * On a cold HOME the first request makes OpenCode npm-install its plugin package (63 MB, and the first SIGTERM is
 * swallowed meanwhile). It skips that when node_modules exists and the lock file already names the package, so three
 * small files keep it away from the network.
 */
async function seedEngineConfig(configDirectory: string): Promise<void> {
  await mkdir(join(configDirectory, "node_modules"), { recursive: true, mode: 0o700 });
  const dependencies = { "@opencode-ai/plugin": engineVersion() };
  const lock = { name: "opencode", lockfileVersion: 3, requires: true, packages: { "": { dependencies } } };
  await writeFile(join(configDirectory, "package.json"), JSON.stringify({ dependencies }));
  await writeFile(join(configDirectory, "package-lock.json"), JSON.stringify(lock));
}

const gitMs = 10_000;

/** OpenCode keeps its snapshots, and so diffs and taking a turn back, only for a git repository with a commit. */
async function initialiseWorkspace({ workspace, home }: SessionDirectory): Promise<void> {
  // Written by the first commit, so a repository that a crash left without one is completed.
  if (existsSync(join(workspace, ".git", "logs", "HEAD"))) return;
  const run = promisify(execFile);
  // Its own HOME and no system configuration: a hook or template of the host's must not run here.
  const env = { PATH: process.env["PATH"] ?? "", HOME: home, GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };
  const options = { cwd: workspace, env, timeout: gitMs };
  const author = ["-c", "user.name=Open Cowork", "-c", "user.email=plane@open-cowork.invalid"];
  try {
    await run("git", ["init", "--quiet", "--template="], options);
    await run("git", [...author, "commit", "--quiet", "--allow-empty", "--message=Empty workspace"], options);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    // No git on this machine: the agent works all the same, without diffs.
  }
}
