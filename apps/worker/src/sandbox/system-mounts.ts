import { lstatSync, readlinkSync } from "node:fs";

/** Where programs and their libraries are; a link on the host (`/bin` → `usr/bin`) is the same link inside. */
const programs = ["/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32"];

/** The part of the host that every sandbox sees, read-only, as arguments of bwrap. */
export function systemMounts(): string[] {
  const args = ["--ro-bind", "/usr", "/usr"];
  for (const path of programs) {
    const stat = lstatSync(path, { throwIfNoEntry: false });
    if (stat?.isSymbolicLink()) args.push("--symlink", readlinkSync(path), path);
    else if (stat) args.push("--ro-bind", path, path);
  }
  return args;
}
