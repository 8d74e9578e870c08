import { existsSync } from "node:fs";
import { chmod, copyFile, cp, mkdir, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { toolScript, tools, type ToolMount, type ToolName } from "./inner-sandbox.ts";
import { etc } from "./layout.ts";

/** What a program needs in every one of its sandboxes. */
export interface ProgramFiles {
  /** Its configuration, by path below `inside.config`. */
  config: Record<string, string>;
  /** Folders of its state that a tool works on, or that it tells the model to look into. */
  toolMounts: Partial<Record<ToolName, readonly ToolMount[]>>;
}

/**
 * Of the host's /etc, only what programs need to run and what is the same on every machine of its kind. Copied, because
 * each mount costs every command a little, and this one is made for each of them.
 */
const fromEtc = ["alternatives", "ld.so.cache", "ssl/certs"];

/** Writes what is the same for all sessions, and is read-only in all of them. Returns the folder. */
export async function writeSharedFolder(options: {
  workerRoot: string;
  bubblewrap: string;
  system: string[];
  files: ProgramFiles;
}): Promise<string> {
  const { bubblewrap, system, files } = options;
  const folder = join(options.workerRoot, "sandbox");
  await rm(folder, { recursive: true, force: true });
  const write = async (path: string, text: string) => {
    const full = join(folder, path);
    await mkdir(dirname(full), { recursive: true });
    await writeFile(full, text);
    await chmod(full, 0o755);
  };

  for (const name of fromEtc) {
    const copied = { recursive: true, verbatimSymlinks: true };
    if (existsSync(`/etc/${name}`)) await cp(`/etc/${name}`, join(folder, "shared/etc", name), copied);
  }
  for (const [name, lines] of Object.entries(etc)) await write(`shared/etc/${name}`, lines.map(line).join(""));
  for (const [name, text] of Object.entries(files.config)) await write(`shared/config/${name}`, text);
  for (const tool of Object.keys(tools) as ToolName[]) {
    const mounts = files.toolMounts[tool] ?? [];
    await write(`shared/bin/${tool}`, toolScript({ tool, bubblewrap, system, mounts }));
  }
  const folders = Object.values(files.toolMounts).flatMap((mounts) => mounts.map(({ path }) => path));
  await write("shared/folders", [...new Set(folders)].map(line).join(""));
  await copy("mounts.sh", folder);
  for (const name of ["launch.sh", "shim.mjs", "probe.sh"]) await copy(name, join(folder, "shared"));

  // Something can only be mounted where there is something.
  for (const path of ["shared/workspace", "shared/tools", "mounts/session", "mounts/workspace"])
    await mkdir(join(folder, path), { recursive: true });
  for (const path of ["shared/node", "shared/program", "shared/model.sock", "mounts/node", "mounts/program"])
    await write(path, "");
  return folder;
}

const line = (text: string) => `${text}\n`;

async function copy(name: string, folder: string): Promise<void> {
  const target = join(folder, name);
  await copyFile(fileURLToPath(new URL(name, import.meta.url)), target);
  await chmod(target, 0o755);
}
