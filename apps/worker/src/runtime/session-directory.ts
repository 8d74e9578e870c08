import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir, rename, rm, writeFile } from "node:fs/promises";
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
  const root = resolve(workerRoot, "sessions", sessionId);
  const state = join(root, "state");
  return {
    root,
    home: join(root, "home"),
    state,
    workspace: join(root, "workspace"),
    database: join(state, "opencode.db"),
  };
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
