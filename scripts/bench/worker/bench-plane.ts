import { existsSync, mkdtempSync, readdirSync, realpathSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { PlaneClient } from "../../plane/plane-client.ts";
import { RunningPlane } from "../../plane/running-plane.ts";
import { startTraceCollector, type CollectedSpan } from "../../plane/trace-collector.ts";

/** A plane of its own whose spans are collected: every number comes from what its processes say of themselves. */
export interface BenchPlane {
  root: string;
  client: PlaneClient;
  /** Runs one prompt to its end. */
  turn(sessionId: string, text: string): Promise<void>;
  /** All spans of this name once there are at least as many; they arrive some seconds late. */
  spans(name: string, atLeast: number): Promise<CollectedSpan[]>;
  /** Which session each trace is about. */
  sessionOf(traceId: string): string | undefined;
  /** The sessions that have an OpenCode process now. */
  live(): string[];
  stop(): Promise<void>;
}

const startMs = 120_000;
const answerMs = 120_000;
const exportMs = 180_000;

export async function startBenchPlane(modelUrl: string, settings: Record<string, string> = {}): Promise<BenchPlane> {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "open-cowork-worker-")));
  const collector = await startTraceCollector();
  const given = { ROOT: root, PORT: String(await freePort()), TELEMETRY_OTLP_URL: collector.url, ...settings };
  const plane = RunningPlane.start({
    ...process.env,
    OPEN_COWORK_CLOUD_MODEL_BASE_URL: modelUrl,
    ...Object.fromEntries(Object.entries(given).map(([name, value]) => [`OPEN_COWORK_CLOUD_${name}`, value])),
  });
  const stop = async () => {
    await plane.stop();
    await collector.close();
    rmSync(root, { recursive: true, force: true });
  };
  try {
    const client = await PlaneClient.signIn(await plane.signInLink(startMs));
    return {
      root,
      client,
      async turn(sessionId, text) {
        const { commandSeq } = await client.prompt(sessionId, text);
        const outcome = await client.outcome(sessionId, commandSeq, answerMs);
        if (outcome !== "succeeded") throw new Error(`a turn of the bench ended as ${outcome}`);
      },
      spans: (name, atLeast) =>
        eventually(
          `${atLeast} spans "${name}"`,
          () => {
            const found = collector.spans.filter((span) => span.name === name);
            return found.length >= atLeast ? found : null;
          },
          { withinMs: exportMs },
        ),
      sessionOf: (traceId) =>
        collector.spans.find((span) => span.name === "attempt" && span.traceId === traceId)?.attributes[
          "session.id"
        ] as string | undefined,
      live: () => {
        const records = join(root, "worker", "runtimes");
        const names = existsSync(records) ? readdirSync(records) : [];
        return names.filter((name) => name.endsWith(".json")).map((name) => name.slice(0, -".json".length));
      },
      stop,
    };
  } catch (error) {
    await stop().catch(() => {});
    throw error;
  }
}
