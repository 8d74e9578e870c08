import type { EventSourceMessage } from "eventsource-parser";
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
/** How many durable events may have come before the first one that was heard. */
const lookBehind = 20;

/** Resolves once OpenCode has subscribed us; goes on in the background until the signal aborts. */
export async function followEvents(options: EventFeedOptions): Promise<void> {
  const first = await subscribe(options);
  void follow(first, options);
}

/** The newest durable event that was handed on; null until there is one. */
interface Position {
  seq: number | null;
}

async function follow(first: Frames, options: EventFeedOptions): Promise<void> {
  const { signal, onTrouble } = options;
  const position: Position = { seq: null };
  let frames: Frames | null = first;
  while (!signal.aborted) {
    try {
      if (frames === null) {
        // Subscribed first and read afterwards, so that nothing falls between history and stream.
        frames = await subscribe(options);
        await catchUp(options, position);
      }
      await readStream(frames, options, position);
    } catch (error) {
      if (signal.aborted) return;
      onTrouble(error);
    }
    frames = null;
    await systemClock.sleep(reconnectMs, signal).catch(() => {});
  }
}

type Frames = ReadableStreamDefaultReader<EventSourceMessage>;

/**
 * OpenCode begins to listen for us a moment after its headers and its `server.connected` frame. So that frame is
 * awaited, and the sequence then tells whether something fell into the moment in between.
 */
async function subscribe({ client, signal }: EventFeedOptions): Promise<Frames> {
  const stream = await client.events(signal);
  const frames = stream
    .pipeThrough(new TextDecoderStream() as ReadableWritablePair<string, Uint8Array>)
    .pipeThrough(new EventSourceParserStream())
    .getReader();
  const { done } = await nextOf(frames);
  if (done) throw new Error("OpenCode closed its event stream at once");
  return frames;
}

const nextOf = (frames: Frames) => within(deadAfterMs, "OpenCode's event stream", frames.read());

async function readStream(frames: Frames, options: EventFeedOptions, position: Position): Promise<void> {
  try {
    for (;;) {
      const { value, done } = await nextOf(frames);
      if (done) return;
      const { seq, event } = readFrame(JSON.parse(value.data), options.sessionId);
      if (seq !== null) {
        position.seq ??= Math.max(0, seq - 1 - lookBehind);
        if (seq > position.seq + 1) await readHistory(options, position);
        // The history mostly holds this one as well, but need not yet: it may be the last one for a long time.
        if (seq <= position.seq) continue;
        position.seq = seq;
      }
      if (event) await options.onEvent(event);
    }
  } finally {
    await frames.cancel().catch(() => {});
  }
}

async function readHistory({ client, sessionId, onEvent, onGap }: EventFeedOptions, position: Position): Promise<void> {
  const missed = await client.history(position.seq === null ? {} : { [sessionId]: position.seq });
  for (const { seq, aggregate_id, type, data } of missed.sort((a, b) => a.seq - b.seq)) {
    if (aggregate_id !== sessionId || seq <= (position.seq ?? -1)) continue;
    position.seq = seq;
    const event = readDurable(type, data);
    if (event) await onEvent(event);
  }
  // Only now: a part that the history opened had deltas that nobody heard.
  onGap();
}

/** Everything durable from the history; asks and status are not in there and are asked for. */
async function catchUp(options: EventFeedOptions, position: Position): Promise<void> {
  const { client, sessionId, onEvent } = options;
  await readHistory(options, position);
  const [permissions, questions] = [await client.pendingPermissions(), await client.pendingQuestions()];
  for (const request of permissions) await onEvent({ type: "permission.asked", request });
  for (const request of questions) await onEvent({ type: "question.asked", request });
  await onEvent({ type: "asks.pending", ids: [...permissions, ...questions].map(({ id }) => id) });
  const status = (await client.statuses())[sessionId] ?? { type: "idle" };
  await onEvent({ type: "session.status", status });
}
