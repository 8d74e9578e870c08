import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { eventually } from "@open-cowork/testkit/eventually";
import { startScriptedModel, type ScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { withoutLimits } from "../limits/limits.ts";
import { noSandbox } from "../sandbox/no-sandbox.ts";
import { engineClient } from "./engine-client.ts";
import { engineFiles } from "./engine-files.ts";
import type { EngineEvent } from "./engine-event.ts";
import { startEngine, type EngineProcess } from "./engine-process.ts";
import { providerId } from "./engine-settings.ts";
import { followEvents } from "./event-feed.ts";
import { permissionsIn } from "./permissions.ts";
import { openRegistry } from "./registry.ts";
import { EventMapper } from "./event-mapper.ts";
import { eventText } from "./event-text.ts";
import { openSessionDirectory, sessionDirectoryOf } from "./session-directory.ts";
import { runTurn, type TurnOptions } from "./turn.ts";

let root: string;
let model: ScriptedModel;
let engine: EngineProcess;
let wire: Server;
const sockets = new Set<Socket>();
let isCut = false;

beforeAll(async () => {
  root = await realpath(await mkdtemp(join(tmpdir(), "cowork-feed-")));
  model = await startScriptedModel();
  engine = await startEngine({
    sessionId: newId(),
    folders: await openSessionDirectory(root, "s-1"),
    limits: withoutLimits,
    sandbox: noSandbox(engineFiles()),
    openModelDoor: async () => ({ port: Number(new URL(model.baseUrl).port), close: async () => {} }),
    access: { token: "cwk_test", modelId: "demo" },
    permissions: permissionsIn("none"),
    registry: openRegistry(root, newId()),
    startMs: 60_000,
    signal: new AbortController().signal,
  });
  // A wire that can be cut between the feed and the engine; everything else talks to the engine directly.
  wire = createServer((near) => {
    if (isCut) return near.destroy();
    const far = connect(Number(new URL(engine.address.url).port), "127.0.0.1");
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on("error", () => {}).on("close", () => sockets.delete(socket));
    }
    near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => wire.listen(0, "127.0.0.1", resolve));
});
afterAll(async () => {
  wire?.close();
  await engine?.end();
  await model?.close();
  await rm(root, { recursive: true, force: true });
});

describe("an event feed whose connection breaks", () => {
  it("comes back, and gets every durable event exactly once, and the status that no history holds", async () => {
    const { id: sessionId } = await engine.client.createSession("Feed");
    const seen: EngineEvent[] = [];
    const gaps: number[] = [];
    const stop = new AbortController();
    const { port } = wire.address() as AddressInfo;
    await followEvents({
      client: engineClient({ url: `http://127.0.0.1:${port}`, socketPath: null }, engine.password),
      sessionId,
      onEvent: (event) => void seen.push(event),
      onGap: () => void gaps.push(seen.length),
      onTrouble: () => {},
      signal: stop.signal,
    });
    const prompt = {
      model: { providerID: providerId, modelID: "demo" },
      parts: [{ type: "text" as const, text: "[script:demo] go" }],
    };
    await engine.client.prompt(sessionId, prompt);
    await eventually("it hears the first words", () => seen.some(({ type }) => type === "message.part.delta"), {
      withinMs: 20_000,
    });
    const cutAt = seen.length;
    isCut = true;
    for (const socket of sockets) socket.destroy();
    await eventually("the turn ends unheard", async () => (await engine.client.statuses())[sessionId] === undefined, {
      withinMs: 20_000,
    });
    isCut = false;

    const isIdle = () => {
      const last = seen.findLast(({ type }) => type === "session.status");
      return last?.type === "session.status" && last.status.type === "idle";
    };
    await eventually("it has caught up", () => gaps.some((at) => at > cutAt) && isIdle());
    const isDurable = (type: string) => /^message\.(part\.)?updated/.test(type);
    await eventually("it has heard what OpenCode has noted", async () => {
      const history = await engine.client.history({ [sessionId]: 0 });
      return seen.filter(({ type }) => isDurable(type)).length === history.filter(({ type }) => isDurable(type)).length;
    });
    expect(seen.slice(cutAt).some(({ type }) => type === "message.part.updated")).toBe(true);
    stop.abort();
  });
});

describe("a turn whose events are lost", () => {
  async function deafTurn(more: Partial<TurnOptions> = {}) {
    const { id: sessionId } = await engine.client.createSession("Deaf");
    const listeners: TurnOptions["listeners"] = new Set();
    const events: string[] = [];
    const turn = runTurn({
      client: engine.client,
      sessionId,
      modelId: "demo",
      text: "[script:text] hello",
      before: new Set(),
      listeners,
      mapper: new EventMapper(eventText(sessionDirectoryOf(root, "s-1"), [])),
      asks: { isWaiting: () => false, failure: () => null },
      onEvents: (some) => void events.push(...some.map(({ type }) => type)),
      exited: engine.exited,
      stop: new AbortController().signal,
      silentMs: 30_000,
      ...more,
    });
    return { sessionId, listeners, events, turn };
  }

  it("asks for itself what became of it, also when it has heard that the session is idle", async () => {
    const { sessionId, listeners, turn } = await deafTurn();
    const hasAnswered = async () => {
      for (const listen of listeners) await listen({ type: "session.status", status: { type: "idle" } });
      const messages = await engine.client.messages(sessionId);
      return messages.some(({ info }) => info.role === "assistant" && info.time?.completed);
    };
    await eventually("it has answered, and is only heard to be idle", hasAnswered, { withinMs: 25_000 });
    expect(await turn).toEqual({ kind: "completed" });
  });

  it("is silent when OpenCode takes its prompt and never runs it, however often it is looked at", async () => {
    const { prompt, ...client } = engine.client;
    const neverRuns: typeof prompt = (id, body) => prompt(id, { ...body, noReply: true });
    const { events, turn } = await deafTurn({ client: { ...client, prompt: neverRuns }, silentMs: 10_000 });
    expect(await turn).toMatchObject({ kind: "failed", reason: "runtime_silent" });
    expect(events).toEqual(["message.updated"]);
  });
});
