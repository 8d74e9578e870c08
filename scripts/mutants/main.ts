import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import { mutants } from "@open-cowork/store/mutants/catalogue";
import type { Mutant } from "@open-cowork/store/mutants/mutant";
import { suitePostgres } from "@open-cowork/testkit/postgres/for-suites";
import { Copy } from "./copy.ts";
import { mutantsPage, type Killed } from "./page.ts";
import { tryTests, type Verdict } from "./trial.ts";

/**
 * `pnpm mutants`: plants each seeded bug of packages/store/src/mutants in a copy and wants a test to fail; exits 1 when one
 * survives. `--only TEXT` tries those whose name contains it and leaves docs/mutants.md alone; `--at-once 1` for a busy machine.
 */
const { values } = parseArgs({
  options: { only: { type: "string" }, "at-once": { type: "string", default: "2" } },
  strict: true,
});
const chosen = mutants.filter((mutant) => mutant.bug.includes(values.only ?? ""));
const say = (line: string) => process.stdout.write(`${line}\n`);

const postgres = await suitePostgres();
const copies: Copy[] = [];
const newCopy = () => {
  const copy = new Copy();
  copies.push(copy);
  return copy;
};
try {
  process.exitCode = await mutate();
} finally {
  for (const copy of copies) copy.remove();
  await postgres.release();
}

async function mutate(): Promise<number> {
  // A test that fails without any bug kills everything and proves nothing.
  const first = newCopy();
  const files = [...new Set(chosen.flatMap((mutant) => mutant.tests))];
  const sound = await tryTests(first.path, files, postgres.adminUrl);
  if (sound.kind !== "passed") {
    say(`the tests must pass before bugs are planted: ${told(sound)}`);
    return 1;
  }
  const results = new Map<Mutant, Verdict>();
  const queue = [...chosen];
  const work = async (copy: Copy) => {
    for (let mutant = queue.shift(); mutant; mutant = queue.shift()) {
      const verdict = await tryMutant(copy, mutant);
      results.set(mutant, verdict);
      say(`${verdict.kind === "failed" ? "✓" : "✗"} ${mutant.bug}\n    ${told(verdict)}`);
    }
  };
  const others = Array.from({ length: Math.min(Number(values["at-once"]), 2) - 1 }, newCopy);
  await Promise.all([first, ...others].map(work));

  const all = chosen.map((mutant) => killed(mutant, results.get(mutant)!));
  const survivors = all.filter((each) => each.by === null);
  if (values.only === undefined)
    writeFileSync(fileURLToPath(new URL("../../docs/mutants.md", import.meta.url)), mutantsPage(all));
  say(`${all.length - survivors.length} of ${all.length} seeded bugs were noticed`);
  return survivors.length === 0 && all.length > 0 ? 0 : 1;
}

async function tryMutant(copy: Copy, mutant: Mutant): Promise<Verdict> {
  const takeOut = copy.plant(mutant);
  try {
    const verdict = await tryTwice(copy, mutant.tests);
    return verdict.kind === "passed" ? await tryTwice(copy, []) : verdict;
  } finally {
    takeOut();
  }
}

/** A test that fails once may have had a bad day: the same one has to fail again. */
async function tryTwice(copy: Copy, files: readonly string[]): Promise<Verdict> {
  const once = await tryTests(copy.path, files, postgres.adminUrl);
  if (once.kind !== "failed") return once;
  const again = await tryTests(copy.path, [once.file], postgres.adminUrl);
  return again.kind === "failed" && again.title === once.title ? again : { kind: "passed" };
}

function killed(mutant: Mutant, verdict: Verdict): Killed {
  const files = [...new Set(mutant.changes.map((change) => change.file))];
  return { bug: mutant.bug, files, by: verdict.kind === "failed" ? verdict : null };
}

function told(verdict: Verdict): string {
  if (verdict.kind === "failed") return `${verdict.file}: ${verdict.title}`;
  return verdict.kind === "passed" ? "survived: no test noticed" : `broken: ${verdict.why.slice(0, 2_000)}`;
}
