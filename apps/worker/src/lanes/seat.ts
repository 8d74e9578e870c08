import { systemClock } from "@open-cowork/contracts/clock";
import { createToken } from "@open-cowork/secrets/token";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import type { Broker } from "../broker/broker.ts";
import type { Limits } from "../limits/limits.ts";
import type { Permissions } from "../runtime/permissions.ts";
import type { RuntimeRegistry } from "../runtime/registry.ts";
import { startRuntime, type Runtime } from "../runtime/runtime.ts";
import type { Sandbox } from "../sandbox/sandbox.ts";

/** A runtime with what it was started with. */
export interface Seat {
  runtime: Runtime;
  token: string;
  permissions: Permissions;
  /** Null while a lease uses it. */
  idleSince: number | null;
  ending: Promise<void> | null;
}

export interface SeatOptions {
  workerRoot: string;
  broker: Broker;
  sandbox: Sandbox;
  limits: Limits;
  modelId: string;
  registry: RuntimeRegistry;
  telemetry: Telemetry;
  startMs: number;
}

/** `name` is the session's id, or that of a spare (`isWarm`) which no session has yet. */
export async function startSeat(
  options: SeatOptions,
  start: {
    name: string;
    runtimeSessionId: string | null;
    permissions: Permissions;
    isWarm: boolean;
    signal: AbortSignal;
  },
): Promise<Seat> {
  const { broker, telemetry } = options;
  const { name: sessionId, ...rest } = start;
  const token = createToken("broker");
  if (start.isWarm) broker.expect(token);
  const log = telemetry.log.child({ sessionId });
  const startedAt = systemClock.monotonicMs();
  let outcome = "failed";
  try {
    const access = { token, modelId: options.modelId };
    const { openDoor: openModelDoor } = broker;
    const onTrouble = (error: unknown, what: string) => log.warn({ err: error, what }, "trouble with OpenCode");
    const trace = <T>(call: string, work: () => Promise<T>) => telemetry.span(call, {}, work);
    const runtime = await startRuntime({ ...options, ...rest, sessionId, openModelDoor, access, onTrouble, trace });
    outcome = "ok";
    return { runtime, token, permissions: start.permissions, idleSince: null, ending: null };
  } finally {
    if (outcome !== "ok") broker.dismiss(token);
    telemetry.observe("cowork_runtime_start_seconds", (systemClock.monotonicMs() - startedAt) / 1000, { outcome });
  }
}
