import { createToken } from "@open-cowork/secrets/token";
import { deadline, systemClock, within } from "@open-cowork/contracts/clock";
import { engineVersion, findEngineBinary } from "./binary.ts";
import { engineClient, type EngineClient, type TraceCall, untraced } from "./engine-client.ts";
import { prepareWorkspace } from "./engine-files.ts";
import { engineEnvironment, type ModelAccess } from "./engine-settings.ts";
import { captureOutput } from "./output-tail.ts";
import { endProcessGroup, killAtExit } from "./process-group.ts";
import type { EngineAddress } from "./engine-transport.ts";
import type { Permissions } from "./permissions.ts";
import type { RuntimeRegistry } from "./registry.ts";
import type { Limits } from "../limits/limits.ts";
import type { ModelDoor, Sandbox, SessionFolders } from "../sandbox/sandbox.ts";

/** It took more than it may have, and was ended for it. */
export class OutOfMemory extends Error {
  override name = "OutOfMemory";
}

/** OpenCode did not become healthy. `detail` is for the log, redacted by whoever writes it. */
export class EngineStartFailed extends Error {
  override name = "EngineStartFailed";
  readonly detail: string;
  constructor(message: string, detail: string, cause?: unknown) {
    super(message, { cause });
    this.detail = detail;
  }
}

export interface EngineProcess {
  client: EngineClient;
  address: EngineAddress;
  pid: number;
  password: string;
  version: string;
  /** Aborts when the process has ended by itself or was ended. */
  exited: AbortSignal;
  /** The newest output, for a log line. */
  output(): string;
  /** From now on it is this session's. */
  adoptedBy(sessionId: string): Promise<void>;
  /** Ends the whole process group and proves it. */
  end(): Promise<void>;
}

const healthAttemptMs = 1_000;
const betweenAttemptsMs = 25;
const exitHeardMs = 2_000;

export async function startEngine(options: {
  sessionId: string;
  folders: SessionFolders;
  sandbox: Sandbox;
  limits: Limits;
  openModelDoor(path: string | null): Promise<ModelDoor>;
  access: ModelAccess;
  permissions: Permissions;
  registry: RuntimeRegistry;
  startMs: number;
  signal: AbortSignal;
  trace?: TraceCall;
}): Promise<EngineProcess> {
  const { folders, sandbox, registry, openModelDoor, trace = untraced } = options;
  let { sessionId } = options;
  const password = createToken("broker");
  const group = await options.limits.open(sessionId).catch((error: Error) => {
    throw new EngineStartFailed(`no control group could be made: ${error.message}`, "", error);
  });
  const { child, socketPath, letGo, release } = await sandbox
    .start({
      folders,
      program: findEngineBinary(),
      prepare: prepareWorkspace,
      openModelDoor,
      command: ({ port, modelPort }) => ({
        args: ["serve", "--hostname", "127.0.0.1", "--port", String(port)],
        env: engineEnvironment({ ...options, seen: sandbox.seen(folders), modelPort, password }),
      }),
    })
    .catch(async (error: unknown) => {
      await group.close();
      throw error;
    });
  const exit = new AbortController();
  child.once("error", (error) => exit.abort(error));
  child.once("exit", (code, killedBy) => {
    const overLimit = group.verdict();
    if (overLimit !== null) exit.abort(new OutOfMemory(`OpenCode was ended: ${overLimit}`));
    else exit.abort(new Error(`OpenCode ended (${killedBy ?? `code ${code}`})`));
  });
  const output = captureOutput([child.stdout!, child.stderr!]);
  const { pid } = child;
  const hasEnded = pid === undefined ? () => {} : killAtExit(pid);

  const end = async () => {
    if (pid !== undefined) {
      await endProcessGroup(pid);
      hasEnded();
      // The group is gone; Node hears of its child's exit a moment later.
      await within(exitHeardMs, "OpenCode's exit", aborted(exit.signal));
    }
    await group.close();
    await release();
    await registry.remove(sessionId);
  };

  const adoptedBy = async (adopter: string) => {
    await registry.rename(sessionId, adopter);
    sessionId = adopter;
  };

  try {
    // Without a pid the spawn has failed; the error that says why comes with the next tick.
    if (pid === undefined) throw await aborted(exit.signal);
    await registry.add(sessionId, pid, group.folders);
    await group.enter(pid);
    letGo();
    const waiting = AbortSignal.any([exit.signal, options.signal, deadline(options.startMs, "OpenCode's start")]);
    const url = await trace("opencode listens", () => listeningUrl(output, waiting));
    const address = { url, socketPath };
    const client = engineClient(address, password, trace);
    const { version } = await untilHealthy(client, waiting);
    if (version !== engineVersion())
      throw new Error(`OpenCode says that it is ${version}, and this worker was proven with ${engineVersion()}`);
    return { client, address, pid, password, version, exited: exit.signal, output: output.text, adoptedBy, end };
  } catch (error) {
    await end();
    throw new EngineStartFailed((error as Error).message, output.text(), error);
  }
}

/**
 * Without a sandbox it is started with --port 0. OpenCode then takes 4096 when it is free and else a port that the kernel picks; it binds before it speaks,
 * so two starts can't be given the same one.
 */
function listeningUrl(output: ReturnType<typeof captureOutput>, signal: AbortSignal): Promise<string> {
  return new Promise((resolve, reject) => {
    if (signal.aborted) return reject(signal.reason as Error);
    signal.addEventListener("abort", () => reject(signal.reason as Error), { once: true });
    output.onLine((line) => {
      const match = /^opencode server listening on (http:\/\/127\.0\.0\.1:\d+)/.exec(line);
      if (match) resolve(match[1]!);
    });
  });
}

/** It listens up to 0.4 s before it answers, and a request in between is never answered: so a deadline per attempt. */
async function untilHealthy(client: EngineClient, signal: AbortSignal): Promise<{ version: string }> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await client.health(healthAttemptMs);
    } catch {
      await systemClock.sleep(betweenAttemptsMs, signal);
    }
  }
}

function aborted(signal: AbortSignal): Promise<Error> {
  return new Promise((resolve) => {
    if (signal.aborted) return resolve(signal.reason as Error);
    signal.addEventListener("abort", () => resolve(signal.reason as Error), { once: true });
  });
}
