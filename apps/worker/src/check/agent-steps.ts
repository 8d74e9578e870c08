import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { systemClock } from "@open-cowork/contracts/clock";
import type { WorkerCheckConfig } from "@open-cowork/contracts/config/services";
import { newId } from "@open-cowork/contracts/ids";
import { Secret } from "@open-cowork/secrets/secret";
import { createToken } from "@open-cowork/secrets/token";
import { startBroker, type Broker } from "../broker/broker.ts";
import { chooseLimits, type Limits } from "../limits/limits.ts";
import { engineFiles } from "../runtime/engine-files.ts";
import { EngineStartFailed } from "../runtime/engine-process.ts";
import { permissionsIn } from "../runtime/permissions.ts";
import { groupMembers } from "../runtime/process-identity.ts";
import { openRegistry } from "../runtime/registry.ts";
import { startRuntime, type Runtime } from "../runtime/runtime.ts";
import { chooseSandbox } from "../sandbox/choose-sandbox.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";
import { startOneAnswerModel } from "./one-answer-model.ts";
import { walk } from "./steps.ts";

const answer = "The check was answered.";
const question = "Say that you are there, in a few words and without using a tool.";

/** One session as work would have it: start, prompt, an answer by events, end. */
export async function runAgentSteps(options: {
  config: WorkerCheckConfig;
  root: string;
  useProvider: boolean;
  say: (line: string) => void;
}): Promise<boolean> {
  const { config, root, useProvider, say } = options;
  const builtIn = useProvider ? null : await startOneAnswerModel(answer);
  let sandbox: Sandbox | null = null;
  let limits: Limits | null = null;
  let broker: Broker | null = null;
  let runtime: Runtime | null = null;
  const sessionId = newId<"session">();
  try {
    return await walk(
      [
        {
          name: "sandbox",
          run: async () => {
            const chosen = await chooseSandbox({
              wish: config.sandbox,
              tier: config.tier,
              workerRoot: root,
              firstUid: config.sandboxFirstUid,
              files: engineFiles(),
            });
            if ("refused" in chosen) throw new Error(chosen.refused);
            ({ sandbox } = chosen);
            return chosen.warning ?? `${sandbox.kind}, looked at from inside`;
          },
        },
        {
          name: "limits",
          run: async () => {
            const { memoryMb, tasks } = config.limits;
            const found = await chooseLimits({ memoryBytes: memoryMb * 2 ** 20, tasks });
            if (config.tier === "production" && found.limits.kind !== "cgroup")
              throw new Error(`tier production needs control groups: ${found.why}`);
            ({ limits } = found);
            return `${limits.kind}, ${memoryMb} MB and ${tasks} tasks for each session${found.why === null ? "" : ` (${found.why})`}`;
          },
        },
        {
          name: "model broker",
          run: async () => {
            const upstream = builtIn?.baseUrl ?? config.model.baseUrl;
            if (upstream === undefined) throw new Error("--provider needs OPEN_COWORK_CLOUD_MODEL_BASE_URL");
            const { apiKey } = config.model;
            const key = useProvider && apiKey !== undefined ? new Secret(apiKey) : null;
            broker = startBroker({ upstream, apiKey: key, onRequest: () => {} });
            return useProvider ? `asks ${new URL(upstream).host}` : "asks a built-in model that has one answer";
          },
        },
        {
          name: "OpenCode starts",
          run: async () => {
            const token = createToken("broker");
            broker!.admit(token);
            const spans: string[] = [];
            const starting = startRuntime({
              workerRoot: root,
              sessionId,
              runtimeSessionId: null,
              sandbox: sandbox!,
              limits: limits!,
              openModelDoor: broker!.openDoor,
              access: { token, modelId: config.model.id },
              // Nobody is here to be asked.
              permissions: { ...permissionsIn(sandbox!.kind), question: "deny" },
              registry: openRegistry(root, newId()),
              startMs: config.runtime.startMs,
              signal: new AbortController().signal,
              onTrouble: (error) => say(`      ${(error as Error).message}`),
              trace: (name, call) => timed(name, call, spans),
            });
            runtime = await starting.catch((error: unknown) => {
              const said = error instanceof EngineStartFailed ? error.detail.trim().split("\n").at(-1) : "";
              throw new Error([(error as Error).message, said].filter(Boolean).join("; its last words: "));
            });
            return `${runtime.version} is healthy and has a session (${spans.join(", ")})`;
          },
        },
        { name: "one prompt", run: () => askOnce(runtime!, config.runtime.silentMs) },
        {
          name: "end",
          run: async () => {
            const { pid } = runtime!;
            await runtime!.end();
            if ((await groupMembers(pid)).length > 0) throw new Error(`processes of group ${pid} are left`);
            return "no process is left";
          },
        },
      ],
      say,
    );
  } finally {
    // As the compiler sees it, nothing has assigned them: it does not follow the steps.
    await (runtime as Runtime | null)?.end();
    await (broker as Broker | null)?.close();
    await builtIn?.close();
  }
}

async function askOnce(runtime: Runtime, silentMs: number): Promise<string> {
  const from = systemClock.monotonicMs();
  const events: RuntimeEvent[] = [];
  let firstMs: number | null = null;
  const end = await runtime.turn({
    commandId: newId(),
    text: question,
    silentMs,
    waitMs: silentMs,
    stop: new AbortController().signal,
    onEvents: (some) => {
      firstMs ??= systemClock.monotonicMs() - from;
      events.push(...some);
    },
  });
  if (end.kind !== "completed")
    throw new Error(end.kind === "failed" ? `the turn failed (${end.reason}): ${end.message}` : "the turn was aborted");
  if (!events.some((event) => event.type === "message.part.updated" && event.payload.part.type === "text"))
    throw new Error("the turn ended, and no event had an answer in it");
  return `answered by ${events.length} events, the first after ${Math.round(firstMs ?? 0)} ms`;
}

/** The calls that a person would wait for at this step. */
async function timed<T>(name: string, call: () => Promise<T>, spans: string[]): Promise<T> {
  const from = systemClock.monotonicMs();
  const result = await call();
  const shown = /listens|health|POST \/session$/.exec(name)?.[0];
  if (shown) spans.push(`${shown.replace("POST /", "")} ${Math.round(systemClock.monotonicMs() - from)} ms`);
  return result;
}
