import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { pages } from "./pages.ts";

/** `pnpm run docs`: writes the pages that come from contracts. */
for (const [path, make] of Object.entries(pages)) {
  writeFileSync(fileURLToPath(new URL(`../../${path}`, import.meta.url)), make());
  process.stdout.write(`wrote ${path}\n`);
}
