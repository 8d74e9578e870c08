import { existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";

/**
 * The real OpenCode binary, found through the package that pins it and never through PATH: whatever else is called
 * `opencode` on a machine has another version, and so other events.
 */
export function findEngineBinary(): string {
  const require = createRequire(import.meta.url);
  const packageRoot = dirname(require.resolve("opencode-ai/package.json"));
  const placed = join(packageRoot, "bin", "opencode.exe");
  if (isRealBinary(placed)) return placed;
  // Where install scripts are forbidden, opencode-ai holds a placeholder; the platform's own package has the binary.
  const fromPackage = createRequire(join(packageRoot, "package.json"));
  for (const name of platformPackages()) {
    try {
      const candidate = join(dirname(fromPackage.resolve(`${name}/package.json`)), "bin", "opencode");
      if (isRealBinary(candidate)) return candidate;
    } catch {
      // Not installed for this platform: the next name may be.
    }
  }
  throw new Error("the OpenCode binary is missing: run `npx -y pnpm install` again with install scripts allowed");
}

export function engineVersion(): string {
  const require = createRequire(import.meta.url);
  return (require("opencode-ai/package.json") as { version: string }).version;
}

const smallestBinaryBytes = 1024 * 1024;

function isRealBinary(path: string): boolean {
  return existsSync(path) && statSync(path).size > smallestBinaryBytes;
}

function platformPackages(): string[] {
  const base = `opencode-${process.platform}-${process.arch}`;
  return [base, `${base}-baseline`, `${base}-musl`, `${base}-baseline-musl`];
}
