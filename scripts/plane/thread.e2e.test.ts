import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { turnsOf } from "@open-cowork/contracts/transcript";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { PlaneClient } from "./plane-client.ts";
import { pidOf, processesOf, RunningPlane } from "./running-plane.ts";
import { startTraceCollector } from "./trace-collector.ts";

/** The thread through all rooms, with nothing replaced but the model: what the first page of README promises. */
const startMs = 90_000;

let root: string;
let collector: Awaited<ReturnType<typeof startTraceCollector>>;
let plane: RunningPlane;
let client: PlaneClient;
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "cowork thread "));
  collector = await startTraceCollector();
  plane = RunningPlane.start({
    ...process.env,
    OPEN_COWORK_CLOUD_ROOT: root,
    OPEN_COWORK_CLOUD_PORT: String(await freePort()),
    OPEN_COWORK_CLOUD_LEASE_TTL_MS: "4000",
    OPEN_COWORK_CLOUD_LEASE_RENEW_MS: "1000",
    OPEN_COWORK_CLOUD_LEASE_MARGIN_MS: "1000",
    OPEN_COWORK_CLOUD_TELEMETRY_OTLP_URL: collector.url,
  });
  client = await PlaneClient.signIn(await plane.signInLink(startMs));
}, startMs);
afterAll(async () => {
  await plane.stop().catch(() => plane.child.kill("SIGKILL"));
  for (const { pid } of processesOf(root)) process.kill(pid, "SIGKILL");
  await collector.close();
  rmSync(root, { recursive: true, force: true });
});

describe("a prompt", () => {
  it("whose worker is killed in mid-sentence is finished by another attempt, in one trace from door over clock to hands", async () => {
    const { sessionId } = await client.createSession({ prompt: "[script:slow] Tell me a long story" });
    expect(await client.firstWords(sessionId, 1, startMs)).not.toBe("");
    process.kill(pidOf(root, "worker")!, "SIGKILL");
    expect(await client.outcome(sessionId, 1, startMs)).toBe("succeeded");

    const leave = new AbortController();
    const { value: transcript } = await client.follow(sessionId, leave.signal).next();
    leave.abort();
    const [turn] = turnsOf(transcript);
    expect(turn!.command.attempt).toBe(2);
    expect(turn!.lost.map((message) => message.attempt)).toEqual([1]);
    expect(turn!.answers.length).toBeGreaterThan(0);

    const wanted = ["cowork-scheduler: recover lease", "cowork-worker: attempt"];
    await eventually(
      "one trace that the door began and that holds the recovery and the second attempt",
      () => {
        const traces = Map.groupBy(collector.spans, (span) => span.traceId);
        return [...traces.values()].some((spans) => {
          const names = spans.map((span) => `${span.service}: ${span.name}`);
          return wanted.every((name) => names.includes(name)) && spans.some((span) => span.service === "cowork-web");
        });
      },
      { withinMs: 30_000 },
    );
  });
});
