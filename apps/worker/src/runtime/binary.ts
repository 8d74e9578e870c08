import { createHash } from "node:crypto";
import { createReadStream, existsSync, statSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";

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

/**
 * The version that this adapter was proven with, and what its binaries hash to. Moving the pin of `opencode-ai` means to
 * renew both, together with the recorded events. A platform without an entry is taken on its version alone.
 */
const proven = {
  version: "1.18.33",
  sha256: { "linux-x64": "0abbb7c32ab0294c0a7bfa2705f9ff0df5dce5ab721d1f00cccfe393f2a11427" } as Record<string, string>,
};

/** Throws, in one line, when the binary is missing or not the one that this adapter was proven with. */
export async function proveEngineBinary(): Promise<{ path: string; isDigestKnown: boolean }> {
  const path = findEngineBinary();
  if (engineVersion() !== proven.version) {
    throw new Error(
      `OpenCode ${engineVersion()} is installed, and this worker was proven with ${proven.version}: run \`npx -y pnpm install\``,
    );
  }
  const expected = proven.sha256[`${process.platform}-${process.arch}`];
  if (expected === undefined) return { path, isDigestKnown: false };
  const hash = createHash("sha256");
  await pipeline(createReadStream(path, { highWaterMark: 1024 * 1024 }), hash);
  if (hash.digest("hex") !== expected) {
    throw new Error(`the OpenCode binary at ${path} is not the released one: remove node_modules and install again`);
  }
  return { path, isDigestKnown: true };
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
