import { existsSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { expect, it } from "vitest";
import { mutants } from "./catalogue.ts";
import { changed } from "./mutant.ts";

const at = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url));

it.each(mutants)("the seeded bug '$bug' still has its place", ({ changes, tests }) => {
  const texts = new Map<string, string>();
  for (const change of changes) {
    const text = texts.get(change.file) ?? readFileSync(at(change.file), "utf8");
    const result = changed(text, change);
    expect(result).not.toBe(text);
    texts.set(change.file, result);
  }
  for (const test of tests) expect(existsSync(at(`src/${test}`)), test).toBe(true);
});

it("no two seeded bugs have the same name", () => {
  expect(new Set(mutants.map((mutant) => mutant.bug)).size).toBe(mutants.length);
  expect(mutants.length).toBeGreaterThanOrEqual(24);
});
