import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { outDir, roomDir, type AssetName } from "./plan.ts";

/** What a build made, and the hash of everything it read. Written last, so that a build that was cut short is none. */
export interface Manifest {
  inputs: Record<string, string>;
  pages: string;
  assets: Record<AssetName, string>;
}

export const manifestFile = `${outDir}manifest.json`;

/** The last build, if every file that it read is still the same, byte for byte; else null. */
export async function freshManifest(): Promise<Manifest | null> {
  try {
    const manifest = JSON.parse(await readFile(manifestFile, "utf8")) as Manifest;
    const now = await hashInputs(Object.keys(manifest.inputs));
    const isSame = Object.entries(manifest.inputs).every(([path, hash]) => now[path] === hash);
    return isSame ? manifest : null;
  } catch {
    // Missing, unreadable or about files that are gone: build again.
    return null;
  }
}

export async function hashInputs(paths: string[]): Promise<Record<string, string>> {
  const hashed = paths.map(async (path) => [path, hashOf(await readFile(roomDir + path))] as const);
  return Object.fromEntries(await Promise.all(hashed));
}

function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
