import type { ChildProcess } from "node:child_process";

/**
 * Where an agent lives. Two sandboxes, one in the other: the engine runs in the outer one, and whatever the model asks
 * the engine to run, in the inner one. In a single one the agent would answer its own permission prompts: the engine's
 * password is in the engine's environment, and its port on its loopback.
 *
 * This room knows nothing about OpenCode: it starts a program, leads to it, and leads it to its model.
 */
export interface Sandbox {
  readonly kind: SandboxKind;
  /** The session's folders as the program will see them. */
  seen(folders: SessionFolders): SeenFolders;
  /** What the program says once it runs, or why it doesn't, is in its output. */
  start(request: StartRequest): Promise<Confined>;
}

export type SandboxKind = "bubblewrap" | "none";

/** What one session owns on this machine. Nothing in here is shared with another session. */
export interface SessionFolders {
  /** The worker's. The folders in it are the agent's, and the worker opens nothing in those. */
  root: string;
  home: string;
  state: string;
  workspace: string;
  /** HOME and /tmp of what the agent runs. */
  tools: string;
}

export interface SeenFolders {
  root: string;
  home: string;
  config: string;
  state: string;
  workspace: string;
}

export interface StartRequest {
  folders: SessionFolders;
  program: string;
  /** A shell script, run in the workspace as the agent's own commands are, before anybody can speak to the program. */
  prepare: string;
  command(at: { port: number; modelPort: number }): { args: string[]; env: Record<string, string> };
  /** Opens the door to the model: at this path, or when null on a port of loopback. */
  openModelDoor(path: string | null): Promise<ModelDoor>;
}

export interface ModelDoor {
  /** Null at a path. */
  port: number | null;
  close(): Promise<void>;
}

/** A program that has been started. `child` leads a process group, whose end is the end of everything in it. */
export interface Confined {
  child: ChildProcess;
  /** Until then it is nothing but a pid that waits, to be written down and limited. */
  letGo(): void;
  /** Where to reach what the program listens on; null: where it says. */
  socketPath: string | null;
  /** Call once the process group is gone. */
  release(): Promise<void>;
}
