import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** Where a program of the host is; what only administrators have in their PATH is looked for as well. */
export function findProgram(name: string): string | null {
  const folders = [
    ...(process.env["PATH"] ?? "").split(delimiter).filter(Boolean),
    "/usr/sbin",
    "/usr/bin",
    "/sbin",
    "/bin",
  ];
  const candidates = folders.map((folder) => join(folder, name));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
