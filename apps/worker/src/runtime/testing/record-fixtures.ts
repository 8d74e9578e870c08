/**
 * Records what the pinned OpenCode really sends, for the contract tests of the adapter:
 * `node apps/worker/src/runtime/testing/record-fixtures.ts`. Run it after moving the pin, and read the diff.
 */
import { mkdir, mkdtemp, realpath, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { EventSourceParserStream } from "eventsource-parser/stream";
import { systemClock } from "@open-cowork/contracts/clock";
import { newId } from "@open-cowork/contracts/ids";
import { startScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { startEngine, type EngineProcess } from "../engine-process.ts";
import { withoutLimits } from "../../limits/limits.ts";
import { noSandbox } from "../../sandbox/no-sandbox.ts";
import { engineFiles } from "../engine-files.ts";
import { providerId } from "../engine-settings.ts";
import { permissionsIn, type Permissions } from "../permissions.ts";
import { openRegistry } from "../registry.ts";
import { openSessionDirectory } from "../session-directory.ts";

export interface Fixture {
  version: string;
  sessionId: string;
  /** As they came from /global/event, without the noise of the engine's start. */
  frames: Array<{ payload: { type: string } }>;
}

interface Recording {
  script: string;
  permissions?: Permissions;
  /** Abort once the assistant has said this many pieces. */
  abortAfter?: number;
}

const recordings: Record<string, Recording> = {
  text: { script: "text" },
  tool: { script: "tool" },
  "provider-error": { script: "error" },
  "rate-limited": { script: "rate-limited-once" },
  aborted: { script: "slow", abortAfter: 3 },
  asked: { script: "tool", permissions: { ...permissionsIn("none"), edit: "ask" } },
};
const noise = /^(plugin|catalog|reference|integration|project|server|file|lsp|models-dev|account)\./;
const recordMs = 60_000;

const root = await realpath(await mkdtemp(join(tmpdir(), "cowork-record-")));
const model = await startScriptedModel();
const folder = new URL("../fixtures/", import.meta.url);
await mkdir(folder, { recursive: true });
try {
  for (const [name, recording] of Object.entries(recordings)) {
    const fixture = await record(recording);
    await writeFile(
      new URL(`${name}.json`, folder),
      `${JSON.stringify(fixture, null, 1).replaceAll(root, "/recorded")}\n`,
    );
    process.stdout.write(`${name}: ${fixture.frames.length} frames\n`);
  }
} finally {
  await model.close();
  await rm(root, { recursive: true, force: true });
}

async function record(recording: Recording): Promise<Fixture> {
  const id = newId<"session">();
  const engine = await startEngine({
    sessionId: id,
    folders: await openSessionDirectory(root, id),
    limits: withoutLimits,
    sandbox: noSandbox(engineFiles()),
    openModelDoor: async () => ({ port: Number(new URL(model.baseUrl).port), close: async () => {} }),
    access: { token: "recorded-token", modelId: "demo" },
    permissions: recording.permissions ?? permissionsIn("none"),
    registry: openRegistry(root, newId()),
    startMs: recordMs,
    signal: new AbortController().signal,
  });
  try {
    const { id: sessionId } = await engine.client.createSession("Recorded");
    return { version: engine.version, sessionId, frames: await framesOf(engine, sessionId, recording) };
  } finally {
    await engine.end();
  }
}

async function framesOf(
  { client }: EngineProcess,
  sessionId: string,
  recording: Recording,
): Promise<Fixture["frames"]> {
  const done = new AbortController();
  const frames: Fixture["frames"] = [];
  const stream = await client.events(done.signal);
  const read = async () => {
    const events = stream
      .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
      .pipeThrough(new EventSourceParserStream());
    let deltas = 0;
    for await (const { data } of events) {
      const frame = JSON.parse(data) as { payload: { type: string; properties?: { id?: string } } };
      if (noise.test(frame.payload.type)) continue;
      frames.push(frame);
      if (frame.payload.type === "message.part.delta" && ++deltas === recording.abortAfter)
        await client.abort(sessionId);
      if (frame.payload.type === "permission.asked")
        await client.replyPermission(frame.payload.properties!.id!, "reject");
    }
  };
  const reading = read().catch(() => {});
  const model = { providerID: providerId, modelID: "demo" };
  await client.prompt(sessionId, { model, parts: [{ type: "text", text: `[script:${recording.script}] please` }] });
  const giveUpAt = systemClock.monotonicMs() + recordMs;
  const isOver = () => frames.filter(({ payload }) => payload.type === "session.idle").length > 0;
  while (!isOver() && systemClock.monotonicMs() < giveUpAt) await systemClock.sleep(50);
  // OpenCode completes the messages of a failed turn after it has said idle.
  await systemClock.sleep(1_000);
  done.abort();
  await reading;
  return frames;
}
