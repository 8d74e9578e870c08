import { spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { delimiter, join } from "node:path";
import { fileURLToPath } from "node:url";
import { systemClock } from "@open-cowork/contracts/clock";

/**
 * `pnpm check` (the fast tests) and `pnpm test` (all of them, with --all): the static checks, cheapest first, then the
 * tests. Stops at the first step that fails and shows what it said; a step that passes is one line with its time.
 */
const root = fileURLToPath(new URL("../..", import.meta.url));
const { scripts } = JSON.parse(readFileSync(join(root, "package.json"), "utf8")) as { scripts: Record<string, string> };

const tests = process.argv.includes("--all") ? "test:all" : "test:fast";
for (const name of ["fmt:check", "lint", "boundaries", "knip", "typecheck", tests]) {
  const startedMs = systemClock.monotonicMs();
  const { code, output } = await run(scripts[name]!, name === tests);
  const seconds = ((systemClock.monotonicMs() - startedMs) / 1_000).toFixed(1);
  process.stdout.write(`${code === 0 ? "✓" : "✗"} ${name.padEnd(12)} ${seconds.padStart(6)} s\n`);
  if (code !== 0) {
    process.stdout.write(`${output}\n${name} failed; run it alone with: npx -y pnpm ${name}\n`);
    process.exit(1);
  }
}

/** The tests speak for themselves while they run; the others only matter when they fail. */
function run(command: string, aloud: boolean): Promise<{ code: number; output: string }> {
  return new Promise((resolve, reject) => {
    const path = [join(root, "node_modules/.bin"), process.env["PATH"]].join(delimiter);
    const stdio = aloud ? "inherit" : "pipe";
    const child = spawn(command, { cwd: root, shell: true, stdio, env: { ...process.env, PATH: path } });
    const chunks: Buffer[] = [];
    child.stdout?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr?.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", reject);
    child.on("close", (code) => resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() }));
  });
}
