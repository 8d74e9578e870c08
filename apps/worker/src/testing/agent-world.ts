import { mkdtemp, realpath, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { newId } from "@open-cowork/contracts/ids";
import { Secret } from "@open-cowork/secrets/secret";
import { createToken } from "@open-cowork/secrets/token";
import type { ModelScript } from "@open-cowork/testkit/scripted-model/script";
import { startScriptedModel, type ScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { startBroker, type Broker } from "../broker/broker.ts";
import { chooseLimits, type Limits } from "../limits/limits.ts";
import { engineFiles } from "../runtime/engine-files.ts";
import { permissionsIn, type Permissions } from "../runtime/permissions.ts";
import { openRegistry } from "../runtime/registry.ts";
import { startRuntime, type Runtime, type TurnRequest } from "../runtime/runtime.ts";
import { chooseSandbox } from "../sandbox/choose-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

/** A real OpenCode behind a real broker; only the model is played. */
export interface AgentWorld {
  root: string;
  model: ScriptedModel;
  broker: Broker;
  sandbox: Sandbox;
  brokerOutcomes: string[];
  start(options?: {
    /** Of another world, to go on with one of its sessions. */
    root?: string;
    sessionId?: string;
    runtimeSessionId?: string | null;
    permissions?: Permissions;
    /** Then the broker does not know the token yet. */
    isWarm?: boolean;
  }): Promise<Started>;
  close(): Promise<void>;
}

export interface Started {
  runtime: Runtime;
  token: string;
  troubles: string[];
  workspace: string;
}

export const providerKey = "sk-provider-key-that-no-agent-may-see";

export async function createAgentWorld(
  scripts: Record<string, ModelScript> = {},
  wish: "auto" | "bubblewrap" | "none" = "auto",
  options: { memoryMb?: number; limits?: Limits } = {},
): Promise<AgentWorld> {
  const root = await realpath(await mkdtemp(join(tmpdir(), "cowork worker ")));
  const model = await startScriptedModel({ scripts });
  const brokerOutcomes: string[] = [];
  const onRequest = (outcome: string) => void brokerOutcomes.push(outcome);
  const broker = startBroker({ upstream: model.baseUrl, apiKey: new Secret(providerKey), onRequest });
  const registry = openRegistry(root, newId());
  const chosen = await chooseSandbox({
    wish,
    tier: "development",
    workerRoot: root,
    firstUid: 200_000,
    files: engineFiles(),
  });
  if ("refused" in chosen) throw new Error(chosen.refused);
  const { sandbox } = chosen;
  const { limits } = await chooseLimits({ memoryBytes: (options.memoryMb ?? 2_048) * 2 ** 20, tasks: 512 });
  const starts = new Set<Promise<Runtime>>();

  return {
    root,
    model,
    broker,
    sandbox,
    brokerOutcomes,
    async start({
      root: workerRoot = root,
      sessionId = newId<"session">(),
      runtimeSessionId = null,
      permissions = permissionsIn(sandbox.kind),
      isWarm = false,
    } = {}) {
      const token = createToken("broker");
      if (isWarm) broker.expect(token);
      else broker.admit(token);
      const troubles: string[] = [];
      const starting = startRuntime({
        workerRoot,
        sessionId,
        runtimeSessionId,
        sandbox,
        limits: options.limits ?? limits,
        openModelDoor: broker.openDoor,
        access: { token, modelId: "demo" },
        registry,
        startMs: 60_000,
        signal: new AbortController().signal,
        onTrouble: (error, what) => void troubles.push(`${what}: ${String(error)}`),
        isWarm,
        permissions,
      });
      starts.add(starting);
      const runtime = await starting;
      return { runtime, token, troubles, workspace: join(workerRoot, "sessions", sessionId, "workspace") };
    },
    async close() {
      // Also one that was still starting when a test failed.
      for (const start of await Promise.allSettled(starts)) if (start.status === "fulfilled") await start.value.end();
      await broker.close();
      await model.close();
      await rm(root, { recursive: true, force: true });
    },
  };
}

/** One prompt, with everything that became of it. */
export async function ask(
  runtime: Runtime,
  text: string,
  more: Partial<TurnRequest> = {},
): Promise<{ end: Awaited<ReturnType<Runtime["turn"]>>; events: RuntimeEvent[] }> {
  const events: RuntimeEvent[] = [];
  const end = await runtime.turn({
    commandId: newId(),
    text,
    waitMs: 60_000,
    silentMs: 60_000,
    stop: new AbortController().signal,
    onEvents: (some) => void events.push(...some),
    ...more,
  });
  return { end, events };
}
