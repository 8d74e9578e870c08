import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

/** Path (from the root of the repository, with /) to text. A checker takes these, so that it can be tried on a few lines. */
export type Sources = ReadonlyMap<string, string>;

const notOurs = new Set(["node_modules", ".git", ".open-cowork", ".turbo", ".build", "coverage"]);
const binary = /\.(png|jpe?g|gif|ico|webp|woff2?|zst|gz|db)$/;

/** Walks the tree instead of asking git: the tests also run where the clone belongs to somebody else. */
export function readRepository(): Sources {
  const root = fileURLToPath(new URL("../..", import.meta.url));
  const sources = new Map<string, string>();
  const walk = (folder: string) => {
    for (const entry of readdirSync(join(root, folder), { withFileTypes: true })) {
      const path = folder ? `${folder}/${entry.name}` : entry.name;
      // A worktree has a file where a clone has the folder .git.
      if (notOurs.has(entry.name)) continue;
      if (entry.isDirectory()) walk(path);
      else if (entry.isFile() && !path.endsWith(".log")) {
        // A picture has no text to check, but pages link to it.
        sources.set(path, binary.test(path) ? "" : readFileSync(join(root, path), "utf8"));
      }
    }
  };
  walk("");
  return sources;
}

export function isTest(path: string): boolean {
  return /\.test\.tsx?$|\/testing\//.test(path);
}

export function isCode(path: string): boolean {
  return /\.tsx?$/.test(path);
}

/** Code without comments, so that a checker reads what runs. Keeps line numbers. */
export function withoutComments(code: string): string {
  return code.replaceAll(/\/\*[\s\S]*?\*\/|(^|[^:"'`\\/])\/\/.*$/gm, (comment, before: string | undefined) =>
    comment.startsWith("/*") ? comment.replaceAll(/[^\n]/g, " ") : (before ?? ""),
  );
}

export function lineOf(text: string, index: number): number {
  return text.slice(0, index).split("\n").length;
}
