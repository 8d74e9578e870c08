import { execFile } from "node:child_process";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";

const repository = fileURLToPath(new URL("../..", import.meta.url));
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "closing-line-"));
});
afterAll(() => rm(directory, { recursive: true }));

/** Runs a real vitest, with this reporter after its own, over one file. */
async function vitest(code: string, env: Record<string, string> = {}): Promise<{ exit: number; lines: string[] }> {
  await writeFile(join(directory, "a.test.js"), code);
  const cli = join(repository, "node_modules", "vitest", "vitest.mjs");
  const reporters = ["--reporter=default", `--reporter=${join(repository, "scripts/test/closing-line.ts")}`];
  const args = [cli, "run", "--root", directory, "--globals", ...reporters];
  return new Promise((resolve) => {
    const options = { cwd: repository, env: { ...process.env, TEST_FORBID_SKIPS: "", NO_COLOR: "1", ...env } };
    execFile(process.execPath, args, options, (error, stdout) =>
      resolve({ exit: Number(error?.code ?? 0), lines: stdout.trimEnd().split("\n") }),
    );
  });
}

const mixed = `
  it("passes", () => {});
  it("can't run here", (context) => context.skip("chromium is not installed"));
`;

describe("the closing line of a test run", () => {
  it("stands alone at the very end, after every skip with its reason", async () => {
    const { exit, lines } = await vitest(mixed);
    expect(exit).toBe(0);
    expect(lines.at(-1)).toBe("1 passed, 0 failed, 1 skipped");
    expect(lines.at(-2)).toBe("");
    const at = lines.indexOf("skipped: chromium is not installed");
    expect(lines[at + 1]).toBe("  a.test.js > can't run here");
  });

  it("comes with a failing exit when skips are forbidden", async () => {
    const { exit, lines } = await vitest(mixed, { TEST_FORBID_SKIPS: "1" });
    expect(exit).toBe(1);
    expect(lines.at(-1)).toBe("1 passed, 0 failed, 1 skipped");
  });

  it("counts a file that can't be loaded, and a hook that throws, as failed", async () => {
    const unloadable = await vitest(`throw new Error("no");`);
    expect(unloadable.exit).toBe(1);
    expect(unloadable.lines.at(-1)).toBe("0 passed, 1 failed, 0 skipped");
    const hook = await vitest(
      `describe("a", () => { beforeAll(() => { throw new Error("no"); }); it("b", () => {}); });`,
    );
    expect(hook.exit).toBe(1);
    expect(hook.lines.at(-1)).toMatch(/^0 passed, 1 failed, \d skipped$/);
  });
});
