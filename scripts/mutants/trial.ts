import { spawn } from "node:child_process";
import { existsSync, readFileSync, rmSync } from "node:fs";
import { join, relative } from "node:path";
import { deadline } from "@open-cowork/contracts/clock";

/** Under a bug that makes everything wait, the tests don't end by themselves. */
const mostMs = 300_000;

export type Verdict =
  | { kind: "passed" }
  /** The first test that failed. */
  | { kind: "failed"; file: string; title: string }
  /** No test failed and yet the run did: the planted text is no program, or the machine is in trouble. */
  | { kind: "broken"; why: string };

interface Report {
  testResults: Array<{
    name: string;
    status: string;
    message: string;
    assertionResults: Array<{ status: string; fullName: string }>;
  }>;
}

/** Runs the store's fast tests in a copy, those of the given files or all, up to the first that fails. */
export async function tryTests(copy: string, files: readonly string[], databaseUrl: string): Promise<Verdict> {
  const store = join(copy, "packages/store/src");
  const reportFile = join(copy, "report.json");
  rmSync(reportFile, { force: true });
  const paths = files.length > 0 ? files.map((file) => join(store, file)) : [store];
  const said = await run(
    copy,
    ["run", "--project=fast", "--bail=1", "--reporter=json", `--outputFile=${reportFile}`, ...paths],
    {
      TEST_DATABASE_URL: databaseUrl,
    },
  );
  if (said === null) return { kind: "failed", file: files[0] ?? "", title: "(the tests no longer end)" };
  if (!existsSync(reportFile)) return { kind: "broken", why: said };
  const { testResults } = JSON.parse(readFileSync(reportFile, "utf8")) as Report;
  for (const { name, assertionResults } of testResults) {
    const failed = assertionResults.find((result) => result.status === "failed");
    if (failed) return { kind: "failed", file: relative(store, name), title: failed.fullName };
  }
  const broken = testResults.find((result) => result.status !== "passed");
  if (broken) return { kind: "broken", why: `${relative(store, broken.name)}: ${broken.message}` };
  return testResults.length > 0 ? { kind: "passed" } : { kind: "broken", why: said };
}

/** What it said, or null when it had to be ended. */
function run(cwd: string, args: readonly string[], env: Record<string, string>): Promise<string | null> {
  return new Promise((resolve, reject) => {
    const child = spawn(join(cwd, "node_modules/.bin/vitest"), args, {
      cwd,
      env: { ...process.env, ...env },
      stdio: ["ignore", "pipe", "pipe"],
      signal: deadline(mostMs, "vitest"),
      killSignal: "SIGKILL",
    });
    const chunks: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
    child.on("error", (error) => (error.name === "AbortError" ? resolve(null) : reject(error)));
    child.on("close", () => resolve(Buffer.concat(chunks).toString().trim()));
  });
}
