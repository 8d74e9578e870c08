import { createHash } from "node:crypto";
import type { Sources } from "./sources.ts";

const folder = "packages/store/migrations/";
const releasedList = `${folder}released.json`;

/** What was released ran on somebody's database: it can be followed by another migration, and never be edited. */
export function migrationProblems(sources: Sources): string[] {
  const released = JSON.parse(sources.get(releasedList) ?? "{}") as Record<string, string>;
  const changed = Object.entries(released).flatMap(([file, sha256]) => {
    const text = sources.get(folder + file);
    if (text === undefined)
      return [`${folder}${file} was released and is gone: a database that ran it can't be followed`];
    if (sha256Of(text) === sha256) return [];
    return [`${folder}${file} was released and has changed: leave it, and write a new migration`];
  });
  const numbers = [...sources.keys()]
    .filter((path) => path.startsWith(folder) && path.endsWith(".sql"))
    .map((path) => path.slice(folder.length))
    .sort();
  const gaps = numbers
    .filter((file, at) => !file.startsWith(`${String(at + 1).padStart(4, "0")}_`))
    .map(
      (file) => `${folder}${file} is out of line: migrations are numbered 0001_, 0002_, … without a gap or a repeat`,
    );
  return [...changed, ...gaps];
}

export function sha256Of(text: string): string {
  return createHash("sha256").update(text, "utf8").digest("hex");
}
