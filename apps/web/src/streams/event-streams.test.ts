import type { SessionEvent } from "@open-cowork/contracts/events";
import { emptyTranscript } from "@open-cowork/contracts/transcript";
import { newId } from "@open-cowork/contracts/ids";
import type { Topic } from "@open-cowork/contracts/stream";
import { setUpTelemetry } from "@open-cowork/telemetry/set-up";
import { eventually } from "@open-cowork/testkit/eventually";
import { MovingClock } from "@open-cowork/testkit/moving-clock";
import { afterEach, describe, expect, it } from "vitest";
import { EventStreams } from "./event-streams.ts";
import type { StreamSource } from "./follow.ts";

const topics: Topic[] = ["session:019a0000-0000-7000-8000-000000000001"];
const [ada, bob] = [newId<"user">(), newId<"user">()];
const leftovers: Array<() => unknown> = [];
afterEach(() => Promise.all(leftovers.splice(0).map((leave) => leave())));

function openStreams() {
  const clock = new MovingClock();
  const telemetry = setUpTelemetry({ role: "web", version: "test", logLevel: "error", otlpUrl: undefined });
  const streams = new EventStreams({ clock, maxStreams: 100, telemetry });
  leftovers.push(
    () => streams.close(),
    () => telemetry.close(),
  );
  return { clock, streams };
}

/** A session in which something new has always happened. */
function busySource(): StreamSource & { reads: number } {
  const source = {
    reads: 0,
    snapshot: async () => ({ through: 0, transcript: emptyTranscript }),
    changes: async (_: Topic, after: number) => {
      source.reads++;
      const event: SessionEvent = {
        seq: after + 1,
        attempt: 1,
        commandId: null,
        at: "2026-01-01T00:00:00.000Z",
        type: "session.error",
        payload: {},
      };
      return { events: [event], through: after + 1 };
    },
    stillHolds: async () => true,
  };
  return source;
}

describe("a slow reader", () => {
  it("is given the next frame only when it took the last one, and is cut when it takes none", async () => {
    const { clock, streams } = openStreams();
    const source = busySource();
    let isDestroyed = false;
    const open = { topics, epoch: "e", cursor: null, source };
    const reader = streams.open(ada, open, () => (isDestroyed = true)).getReader();
    await reader.read();
    await reader.read();
    expect(source.reads).toBe(1);
    await clock.advance(14_000);
    streams.cutSlowReaders();
    expect(isDestroyed).toBe(false);
    await clock.advance(2_000);
    streams.cutSlowReaders();
    expect(isDestroyed).toBe(true);
    expect(source.reads).toBe(1);
  });

  it("is not one that merely has nothing to read", async () => {
    const { clock, streams } = openStreams();
    let isDestroyed = false;
    const quiet = { ...busySource(), changes: async (_: Topic, after: number) => ({ events: [], through: after }) };
    const reader = streams
      .open(ada, { topics, epoch: "e", cursor: null, source: quiet }, () => (isDestroyed = true))
      .getReader();
    const frames = takeAll(reader);
    for (let second = 0; second < 60; second++) {
      await passOneSecond(clock);
      streams.cutSlowReaders();
    }
    expect(isDestroyed).toBe(false);
    expect(frames.filter((frame) => frame.startsWith("event: beat")).length).toBeGreaterThanOrEqual(5);
  });
});

describe("the places for streams", () => {
  it("are given back by a body that nobody ever reads", async () => {
    const { clock, streams } = openStreams();
    const open = { topics, epoch: "e", cursor: null, source: busySource() };
    let cut = 0;
    while (!streams.isFullFor(ada)) streams.open(ada, open, () => cut++);
    await clock.advance(16_000);
    streams.cutSlowReaders();
    expect([cut, streams.isFullFor(ada)]).toEqual([50, false]);
  });

  it("can't all be taken by one person", () => {
    const { streams } = openStreams();
    const open = { topics, epoch: "e", cursor: null, source: busySource() };
    for (let n = 0; n < 50; n++) streams.open(ada, open, () => {});
    expect([streams.isFullFor(ada), streams.isFullFor(bob)]).toEqual([true, false]);
  });
});

describe("a stream whose person signed out", () => {
  it("is refused within 30 s and ends", async () => {
    const { clock, streams } = openStreams();
    const source = {
      ...busySource(),
      changes: async (_: Topic, after: number) => ({ events: [], through: after }),
      stillHolds: async () => false,
    };
    const reader = streams.open(ada, { topics, epoch: "e", cursor: null, source }, () => {}).getReader();
    const frames = takeAll(reader);
    for (let second = 0; second < 29; second++) await passOneSecond(clock);
    expect(frames.some((frame) => frame.includes("refused"))).toBe(false);
    for (let second = 0; second < 3; second++) await clock.advance(1_000);
    await reader.closed;
    expect(frames.at(-1)).toBe(
      `event: refused\ndata: ${JSON.stringify({ topic: topics[0], reason: "not_signed_in" })}\n\n`,
    );
  });
});

/** Takes every frame as soon as it comes. */
function takeAll(reader: ReadableStreamDefaultReader<Uint8Array>): string[] {
  const frames: string[] = [];
  const text = new TextDecoder();
  const take = async () => {
    for (let frame = await reader.read(); !frame.done; frame = await reader.read())
      frames.push(text.decode(frame.value));
  };
  void take();
  return frames;
}

async function passOneSecond(clock: MovingClock): Promise<void> {
  await eventually("the stream waits", () => clock.sleeping > 0);
  await clock.advance(1_000);
}
