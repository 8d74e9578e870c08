import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { newId } from "@open-cowork/contracts/ids";
import type { Confined, Sandbox, SessionFolders, StartRequest } from "../sandbox/sandbox.ts";
import { openSessionFolders } from "../sandbox/session-folders.ts";

/** A session whose program is a shell script, for what can be shown of a sandbox without an engine. */
export interface ShellProgram extends Confined {
  folders: SessionFolders;
  pid: number;
}

export async function startShell(
  sandbox: Sandbox,
  workerRoot: string,
  script: string,
  more: {
    env?: Record<string, string>;
    folders?: SessionFolders;
    openModelDoor?: StartRequest["openModelDoor"];
  } = {},
): Promise<ShellProgram> {
  const folders = more.folders ?? (await openSessionFolders(join(workerRoot, "sessions", newId())));
  const confined = await sandbox.start({
    folders,
    program: "/bin/sh",
    prepare: "true",
    command: () => ({ args: ["-c", script], env: more.env ?? {} }),
    openModelDoor: more.openModelDoor ?? noModel,
  });
  confined.letGo();
  return { ...confined, folders, pid: confined.child.pid! };
}

const noModel: StartRequest["openModelDoor"] = async (path) => {
  if (path !== null) await writeFile(path, "");
  return { port: null, close: async () => {} };
};

/** What the script says, once it has ended and all with it. */
export async function runShell(...args: Parameters<typeof startShell>): Promise<{ said: string; code: number | null }> {
  const { child, release } = await startShell(...args);
  const code = new Promise<number | null>((resolve) => child.once("exit", resolve));
  const [said, complained] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
  try {
    return { said: said + complained, code: await code };
  } finally {
    await release();
  }
}

/** A script that has the inner sandbox run this. */
export const asTool = (script: string): string => `/sandbox/bin/bash -c '${script.replaceAll("'", `'\\''`)}'`;
