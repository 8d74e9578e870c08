import { EventSourceParserStream } from "eventsource-parser/stream";
import { systemClock, within } from "@open-cowork/contracts/clock";
import type { EngineClient } from "./engine-client.ts";
import { readDurable, readFrame, type EngineEvent } from "./engine-event.ts";

export interface EventFeedOptions {
  client: EngineClient;
  sessionId: string;
  /** Awaited before the next event is read: a slow writer slows the reading, it does not fill memory. */
  onEvent(event: EngineEvent): Promise<void> | void;
  /** The stream was away for a while: streamed text may be missing until its part's next state. */
  onGap(): void;
  onTrouble(error: unknown): void;
  signal: AbortSignal;
}

/** OpenCode beats every 10 s; a stream that is silent for longer than this is dead although it looks open. */
const deadAfterMs = 30_000;
const reconnectMs = 100;

/** Resolves once the first connection stands; goes on in the background until the signal aborts. */
export async function followEvents(options: EventFeedOptions): Promise<void> {
  const { client, signal } = options;
  const first = await client.events(signal);
  void follow(first, options);
}

async function follow(first: ReadableStream<Uint8Array>, options: EventFeedOptions): Promise<void> {
  const { client, signal, onGap, onTrouble } = options;
  const position = { seq: null as number | null };
  let stream: ReadableStream<Uint8Array> | null = first;
  while (!signal.aborted) {
    try {
      if (stream === null) {
        // Subscribed first and read afterwards, so that nothing falls between history and stream.
        stream = await client.events(signal);
        onGap();
        await catchUp(options, position);
      }
      await readStream(stream, options, position);
    } catch (error) {
      if (signal.aborted) return;
      onTrouble(error);
    }
    stream = null;
    await systemClock.sleep(reconnectMs, signal).catch(() => {});
  }
}

async function readStream(
  stream: ReadableStream<Uint8Array>,
  { sessionId, onEvent }: EventFeedOptions,
  position: { seq: number | null },
): Promise<void> {
  const frames = stream
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  try {
    for (;;) {
      const { value, done } = await within(deadAfterMs, "OpenCode's event stream", frames.read());
      if (done) return;
      const { seq, event } = readFrame(JSON.parse(value.data), sessionId);
      if (seq !== null) {
        if (position.seq !== null && seq <= position.seq) continue;
        position.seq = seq;
      }
      if (event) await onEvent(event);
    }
  } finally {
    await frames.cancel().catch(() => {});
  }
}

/** Everything durable from the history; asks and status are not in there and are asked for. */
async function catchUp({ client, sessionId, onEvent }: EventFeedOptions, position: { seq: number | null }): Promise<void> {
  const missed = await client.history(position.seq === null ? {} : { [sessionId]: position.seq });
  for (const { seq, aggregate_id, type, data } of missed.sort((a, b) => a.seq - b.seq)) {
    if (aggregate_id !== sessionId || seq <= (position.seq ?? -1)) continue;
    position.seq = seq;
    const event = readDurable(type, data);
    if (event) await onEvent(event);
  }
  for (const { id } of await client.pendingPermissions()) await onEvent({ type: "permission.asked", id });
  for (const { id } of await client.pendingQuestions()) await onEvent({ type: "question.asked", id });
  const status = (await client.statuses())[sessionId] ?? { type: "idle" };
  await onEvent({ type: "session.status", status });
}
