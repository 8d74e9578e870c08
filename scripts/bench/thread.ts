import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { systemClock } from "@open-cowork/contracts/clock";
import { freePort } from "@open-cowork/testkit/free-port";
import { PlaneClient } from "../plane/plane-client.ts";
import { RunningPlane } from "../plane/running-plane.ts";
import { percentile, runBench } from "./harness.ts";

/** From a prompt being accepted to its first streamed words: in a new session, and as a follow-up in a live one. */
const sessions = 6;
const followUps = 4;
const answerMs = 60_000;

await runBench({
  name: "thread",
  runs: 1,
  metrics: {
    "new session p50": { unit: "ms" },
    "new session p95": { unit: "ms" },
    "follow-up p50": { unit: "ms" },
    "follow-up p95": { unit: "ms" },
  },
  contestants: [{ name: "open-cowork", run: onItsOwnPlane }],
});

async function onItsOwnPlane() {
  const root = mkdtempSync(join(tmpdir(), "open-cowork-thread-"));
  const plane = RunningPlane.start({
    ...process.env,
    OPEN_COWORK_CLOUD_ROOT: root,
    OPEN_COWORK_CLOUD_PORT: String(await freePort()),
  });
  try {
    const client = await PlaneClient.signIn(await plane.signInLink(120_000));
    const first: number[] = [];
    const next: number[] = [];
    for (let session = 0; session < sessions; session += 1) {
      const { sessionId } = await client.createSession({});
      for (let prompt = 0; prompt <= followUps; prompt += 1) {
        const from = systemClock.monotonicMs();
        const { commandSeq } = await client.prompt(sessionId, "[script:text] hello");
        await client.firstWords(sessionId, commandSeq, answerMs);
        (prompt === 0 ? first : next).push(systemClock.monotonicMs() - from);
        await client.outcome(sessionId, commandSeq, answerMs);
      }
    }
    return {
      "new session p50": percentile(first, 50),
      "new session p95": percentile(first, 95),
      "follow-up p50": percentile(next, 50),
      "follow-up p95": percentile(next, 95),
    };
  } finally {
    await plane.stop();
    rmSync(root, { recursive: true, force: true });
  }
}
