import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { systemClock, type Clock } from "@open-cowork/contracts/clock";
import type { Asks } from "./asks.ts";
import type { EngineClient } from "./engine-client.ts";
import type { EngineEvent } from "./engine-event.ts";
import { OutOfMemory } from "./engine-process.ts";
import { providerId } from "./engine-settings.ts";
import type { EventMapper } from "./event-mapper.ts";
import { TurnTracker, type TurnEnd } from "./turn-tracker.ts";

export interface TurnOptions {
  client: EngineClient;
  sessionId: string;
  modelId: string;
  text: string;
  /** The ids of all messages of earlier turns; the turn adds its own. */
  before: Set<string>;
  listeners: Set<(event: EngineEvent) => Promise<void> | void>;
  mapper: EventMapper;
  asks: Pick<Asks, "isWaiting" | "failure">;
  /** OpenCode has taken the prompt. */
  onAccepted?: () => void;
  onEvents(events: RuntimeEvent[]): Promise<void> | void;
  exited: AbortSignal;
  /** Aborts when the turn is to stop; it then ends as soon as OpenCode has put its messages in order. */
  stop: AbortSignal;
  silentMs: number;
  clock?: Clock;
}

/** How often the turn is looked at when no event wakes it. */
const lookMs = 1_000;
/** A look at /session/status costs a request, so only after this long without an event. */
const quietMs = 3_000;
/** OpenCode asks an unavailable provider again for ever; the plane's own retries are better, and can be seen. */
const mostProviderRetries = 3;
/** OpenCode answers 204 to a prompt that it then never runs; an idle one gets less patience than a thinking one. */
const idleSilentMs = 30_000;
/** After an abort OpenCode has this long to complete its messages. */
const abortMs = 5_000;
const abortAgainMs = 500;
const exitMs = 1_000;

export async function runTurn(options: TurnOptions): Promise<TurnEnd> {
  const { client, sessionId, listeners, mapper, asks, onEvents, exited, stop, silentMs } = options;
  const clock = options.clock ?? systemClock;
  const tracker = new TurnTracker(options.before);
  let progressAt = clock.monotonicMs();
  let heardAt = progressAt;
  let wake = new AbortController();
  const wakeUp = () => wake.abort();

  const listener = async (event: EngineEvent) => {
    heardAt = clock.monotonicMs();
    if (tracker.accept(event)) {
      progressAt = heardAt;
      const events = mapper.map(event);
      if (events.length > 0) await onEvents(events);
    }
    wakeUp();
  };

  /** The backstop for an event that got lost: asks for the status, and for what the messages are now. */
  const look = async () => {
    const status = (await client.statuses())[sessionId] ?? { type: "idle" };
    // Also when it was known to be idle: the lost event may be the one that completes a message.
    if (status.type === "idle") {
      for (const { info } of await client.messages(sessionId)) {
        // What was heard before is no progress.
        if (!tracker.hasHeard(info)) await listener({ type: "message.updated", info });
      }
    }
    await listener({ type: "session.status", status });
  };

  const abort = async (reason: TurnEnd): Promise<TurnEnd> => {
    const giveUpAt = clock.monotonicMs() + abortMs;
    let againAt = 0;
    while (!exited.aborted && clock.monotonicMs() < giveUpAt) {
      if (clock.monotonicMs() >= againAt) {
        // OpenCode forgets an abort that comes before it has begun, so it is said again.
        await client.abort(sessionId).catch(() => {});
        againAt = clock.monotonicMs() + abortAgainMs;
      }
      if (tracker.end()) return reason;
      await pause(50);
    }
    // It may still be at work: nobody may go on with this process.
    return { kind: "failed", reason: "runtime_silent", message: "OpenCode did not stop" };
  };

  const pause = async (ms: number) => {
    wake = new AbortController();
    await clock.sleep(ms, AbortSignal.any([wake.signal, exited])).catch(() => {});
  };

  listeners.add(listener);
  stop.addEventListener("abort", wakeUp);
  try {
    if (stop.aborted) return { kind: "aborted" };
    const model = { providerID: providerId, modelID: options.modelId };
    // Never a messageID: the same one twice appends to the message. Always the model: the last one sticks.
    await client.prompt(sessionId, { model, parts: [{ type: "text", text: options.text }] });
    options.onAccepted?.();
    for (;;) {
      if (stop.aborted) return await abort({ kind: "aborted" });
      // First: a call that nobody approved may have ended the turn as if all were well.
      const failure = asks.failure();
      if (failure) return await abort({ kind: "failed", ...failure });
      const end = tracker.end();
      if (end) return end;
      if (exited.aborted) return lost(exited);
      const retries = tracker.providerRetries();
      if (retries.count > mostProviderRetries) {
        return await abort({ kind: "failed", reason: "provider_unavailable", message: retries.message });
      }
      const now = clock.monotonicMs();
      // Nobody hurries a person.
      if (asks.isWaiting()) progressAt = now;
      const patienceMs = tracker.isIdle() ? Math.min(silentMs, idleSilentMs) : silentMs;
      if (now - progressAt >= patienceMs) {
        const reason = retries.count > 0 ? "provider_unavailable" : "runtime_silent";
        return await abort({ kind: "failed", reason, message: `no progress for ${patienceMs} ms` });
      }
      if (now - heardAt >= quietMs) {
        heardAt = now;
        await look().catch(() => {});
        continue;
      }
      await pause(Math.min(lookMs, silentMs));
    }
  } catch (error) {
    // A call fails before the exit of the process that it went to is known.
    await clock.sleep(exitMs, exited).catch(() => {});
    if (exited.aborted) return lost(exited);
    return { kind: "failed", reason: "runtime_error", message: (error as Error).message };
  } finally {
    listeners.delete(listener);
    stop.removeEventListener("abort", wakeUp);
    for (const id of tracker.messageIds()) options.before.add(id);
  }
}

function lost(exited: AbortSignal): TurnEnd {
  const error = exited.reason as Error;
  const reason = error instanceof OutOfMemory ? "runtime_out_of_memory" : "runtime_lost";
  return { kind: "failed", reason, message: error.message };
}
