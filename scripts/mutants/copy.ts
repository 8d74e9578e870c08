import { cpSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { changed, type Mutant } from "@open-cowork/store/mutants/mutant";

const root = fileURLToPath(new URL("../..", import.meta.url));
const needed = [
  "package.json",
  "vitest.config.ts",
  "tsconfig.base.json",
  "tsconfig.json",
  "scripts/test",
  "packages/contracts",
  "packages/testkit",
  "packages/store",
];
/** The catalogue's own test knows every planted bug, which would prove nothing. */
const leftOut = join(root, "packages/store/src/mutants");

/** A copy of the rooms that the store's tests need, so that bugs are never planted in the tree people work in. */
export class Copy {
  readonly path = mkdtempSync(join(tmpdir(), "open-cowork-mutants-"));

  constructor() {
    for (const path of needed)
      cpSync(join(root, path), join(this.path, path), {
        recursive: true,
        verbatimSymlinks: true,
        filter: (from) => from !== leftOut,
      });
    symlinkSync(join(root, "node_modules"), join(this.path, "node_modules"));
  }

  /** Plants the bug; the function that comes back takes it out again. */
  plant(mutant: Mutant): () => void {
    const originals = new Map<string, string>();
    for (const change of mutant.changes) {
      const at = join(this.path, "packages/store", change.file);
      const text = readFileSync(at, "utf8");
      if (!originals.has(at)) originals.set(at, text);
      writeFileSync(at, changed(text, change));
    }
    return () => {
      for (const [at, text] of originals) writeFileSync(at, text);
    };
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true });
  }
}
