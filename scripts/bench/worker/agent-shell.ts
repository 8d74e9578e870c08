import { execFile } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";
import { turnsOf } from "@open-cowork/contracts/transcript";
import { call, say, type ModelScript } from "@open-cowork/testkit/scripted-model/script";
import type { BenchPlane } from "./bench-plane.ts";

/** What test suites do: compute, write and read files, start processes. Runs on any Node with its own test runner. */
const suite = `
import test from "node:test";
import assert from "node:assert";
import { createHash } from "node:crypto";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { spawnSync } from "node:child_process";
import { gzipSync, gunzipSync } from "node:zlib";

for (let n = 0; n < 8; n += 1) {
  test("computes " + n, () => {
    let hash = Buffer.alloc(0);
    for (let i = 0; i < 30_000; i += 1) hash = createHash("sha256").update(hash).update(String(i)).digest();
    const rows = Array.from({ length: 60_000 }, (_, i) => ({ id: (i * 7919) % 60_000, name: "row " + i }));
    const text = JSON.stringify(rows.sort((a, b) => a.id - b.id));
    assert.equal(gunzipSync(gzipSync(text)).length, text.length);
  });
  test("keeps files " + n, () => {
    const folder = mkdtempSync("files-");
    for (let i = 0; i < 200; i += 1) writeFileSync(folder + "/" + i, "x".repeat(4096));
    for (let i = 0; i < 200; i += 1) assert.equal(readFileSync(folder + "/" + i).length, 4096);
    rmSync(folder, { recursive: true });
  });
  test("starts processes " + n, () => {
    for (let i = 0; i < 5; i += 1) assert.equal(spawnSync("/bin/sh", ["-c", "exit 3"]).status, 3);
  });
}
`;
const file = "suite.test.mjs";
const command = `/usr/bin/node --test --test-reporter=tap ${file}`;
const turnMs = 300_000;

export const runsSuite: ModelScript = [
  call("write", { filePath: file, content: suite }),
  call("bash", { command, description: "Runs the tests" }),
  say("The tests have run."),
];

/** Milliseconds that the suite takes, run by an agent and by hand, in turns. */
export async function suites(plane: BenchPlane, count: number): Promise<{ inside: number[]; outside: number[] }> {
  const folder = mkdtempSync(join(tmpdir(), "open-cowork-suite-"));
  try {
    writeFileSync(join(folder, file), suite);
    const { sessionId } = await plane.client.createSession({});
    const times = { inside: [] as number[], outside: [] as number[] };
    for (let nth = 0; nth < count; nth += 1) {
      times.inside.push(await byAgent(plane, sessionId));
      const from = systemClock.monotonicMs();
      await promisify(execFile)("/bin/bash", ["-c", command], { cwd: folder, env: { PATH: "/usr/bin:/bin" } });
      times.outside.push(systemClock.monotonicMs() - from);
    }
    return times;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

async function byAgent(plane: BenchPlane, sessionId: string): Promise<number> {
  const { commandSeq } = await plane.client.prompt(sessionId, "[script:suite] run the tests");
  await plane.client.outcome(sessionId, commandSeq, turnMs);
  const leave = new AbortController();
  const { value: state } = await plane.client.follow(sessionId, leave.signal).next();
  leave.abort();
  const turn = turnsOf(state).find((each) => each.command.commandSeq === commandSeq)!;
  const tools = turn.answers.flatMap(({ parts }) => Object.values(parts)).filter((part) => part["tool"] === "bash");
  const tool = tools[0]?.["state"] as
    | { status: string; output?: string; time: { start: number; end: number } }
    | undefined;
  if (tool?.status !== "completed" || !/# fail 0/.test(tool.output ?? ""))
    throw new Error(`the agent's tests did not pass: ${JSON.stringify(tool)?.slice(0, 500)}`);
  return tool.time.end - tool.time.start;
}
