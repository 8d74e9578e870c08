import type { SessionId } from "@open-cowork/contracts/ids";
import { newId } from "@open-cowork/contracts/ids";
import { formatCursor } from "@open-cowork/contracts/stream";
import { emptyTranscript, foldEvent, turnsOf, type Transcript } from "@open-cowork/contracts/transcript";
import { said } from "@open-cowork/store/testing/world";
import { appendEvents } from "@open-cowork/store/worker-api/append-events";
import { finishWork } from "@open-cowork/store/worker-api/finish-work";
import { eventually } from "@open-cowork/testkit/eventually";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { readStream, type ReadFrame, type StreamReader } from "../testing/read-stream.ts";
import { createWebWorld, type WebWorld } from "../testing/web-world.ts";

const maxStreams = 12;

let world: WebWorld;
let cookie: string;
const open: StreamReader[] = [];
beforeAll(async () => {
  world = await createWebWorld({ maxStreams });
  cookie = await world.signIn();
});
afterEach(() => {
  for (const reader of open.splice(0)) reader.leave();
});
afterAll(() => world.close());

async function follow(query: string, headers: Record<string, string> = {}): Promise<StreamReader> {
  const answer = await world.get(`/api/stream?${query}`, { cookie, ...headers });
  expect([answer.status, answer.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  const reader = readStream(answer);
  open.push(reader);
  return reader;
}

const topicOf = (sessionId: SessionId) => `session:${sessionId}` as const;

/** Reads and folds until the transcript is as wanted. */
async function foldUntil(reader: StreamReader, isReached: (state: Transcript) => boolean): Promise<Transcript> {
  let state = emptyTranscript;
  while (!isReached(state)) {
    const frame = await reader.nextNews();
    if (!frame) throw new Error("the stream ended too early");
    if (frame.name === "snapshot") state = frame.data.transcript;
    else if (frame.name === "changes") state = frame.data.events.reduce(foldEvent, state);
  }
  return state;
}

function textOf(state: Transcript): string {
  return turnsOf(state)
    .flatMap((turn) => turn.answers)
    .flatMap((message) => Object.values(message.parts))
    .map((part) => part["text"])
    .join("");
}

async function answerWith(sessionId: SessionId, name: string): Promise<void> {
  const claimed = await world.claimOne(await world.enrol(name));
  expect(claimed.lease.sessionId).toBe(sessionId);
  const { lease, nextBatch } = claimed;
  const write = world.as.worker;
  const part = `prt_${name}`;
  const message = `msg_${name}`;
  await appendEvents(write.db, [
    {
      lease,
      batchNo: nextBatch,
      events: [said.message(message), said.part(message, part, ""), said.delta(message, part, 0, "Hello ")],
    },
  ]);
  write.notify("events", sessionId);
  await appendEvents(write.db, [{ lease, batchNo: nextBatch + 1, events: [said.delta(message, part, 6, "there")] }]);
  write.notify("events", sessionId);
  await finishWork(write.db, {
    lease,
    batchNo: nextBatch + 2,
    events: [said.part(message, part, "Hello there", 2)],
    outcome: { kind: "succeeded" },
  });
  write.notify("events", sessionId);
}

describe("a stream of a session", () => {
  it("starts with a snapshot, says that it is current, and goes on with the changes", async () => {
    const sessionId = await world.wish("Greet me");
    const reader = await follow(`topics=${topicOf(sessionId)}`);
    const first = await reader.next();
    expect(first).toMatchObject({ name: "snapshot", data: { topic: topicOf(sessionId) } });
    expect((await reader.next())?.name).toBe("beat");
    await answerWith(sessionId, "greeter");
    const state = await foldUntil(
      { ...reader, nextNews: replayFirst(first, reader) },
      (now) => turnsOf(now)[0]?.command.status === "succeeded",
    );
    expect(textOf(state)).toBe("Hello there");
    expect(await world.metrics()).toMatch(/cowork_stream_lag_seconds_count\S* [1-9]/);
  });

  it("resumes after its cursor, by header or by query, with nothing lost and nothing twice", async () => {
    const sessionId = await world.wish("Resume me");
    const first = await (await follow(`topics=${topicOf(sessionId)}`)).nextNews();
    await world.enqueue(sessionId, "Second");
    for (const way of [
      { header: { "last-event-id": first!.id! }, query: "" },
      { header: {}, query: `&cursor=${encodeURIComponent(first!.id!)}` },
    ]) {
      const frame = await (await follow(`topics=${topicOf(sessionId)}${way.query}`, way.header)).nextNews();
      expect(frame).toMatchObject({
        name: "changes",
        data: { events: [{ type: "command.accepted", payload: { text: "Second" } }] },
      });
    }
  });

  it.each([
    ["garbage", () => "what?=~~"],
    ["another epoch", (id: string) => id.replace(/^[^~]+/, newId())],
    ["a position that was never given out", (id: string) => id.replace(/=\d+$/, "=999999")],
    [
      "another topic only",
      (id: string) => formatCursor({ epoch: id.split("~")[0]!, positions: new Map([[`session:${newId()}`, 1]]) }),
    ],
  ])("starts afresh for a cursor of %s", async (_, spoil) => {
    const sessionId = await world.wish("Start afresh");
    const first = await (await follow(`topics=${topicOf(sessionId)}`)).nextNews();
    const reader = await follow(`topics=${topicOf(sessionId)}&cursor=${encodeURIComponent(spoil(first!.id!))}`);
    expect(await reader.nextNews()).toEqual(first);
  });

  it("reads on by itself when no notification ever comes", async () => {
    const sessionId = await world.wish("Nobody rings");
    const reader = await follow(`topics=${topicOf(sessionId)}`);
    await reader.nextNews();
    await world.enqueue(sessionId, "Unannounced");
    expect(await reader.nextNews()).toMatchObject({
      name: "changes",
      data: { events: [{ payload: { text: "Unannounced" } }] },
    });
  });

  it("carries several sessions, and refuses those that the person may not see", async () => {
    const [one, two, hidden] = [await world.wish("One"), await world.wish("Two"), newId<"session">()];
    const reader = await follow(`topics=${[one, two, hidden].map(topicOf).join(",")}`);
    const frames = [await reader.nextNews(), await reader.nextNews(), await reader.nextNews()];
    expect(frames.map((frame) => [frame!.name, (frame!.data as { topic: string }).topic])).toEqual([
      ["snapshot", topicOf(one)],
      ["snapshot", topicOf(two)],
      ["refused", topicOf(hidden)],
    ]);
  });

  it("ends when none of its topics can be followed", async () => {
    const reader = await follow(`topics=${topicOf(newId())}`);
    expect(await reader.next()).toMatchObject({ name: "refused", data: { reason: "not_found" } });
    expect(await reader.next()).toBeNull();
  });

  it("needs topics that are topics", async () => {
    for (const query of ["", "topics=", "topics=session:7", `topics=fleet:${newId()}`]) {
      expect((await world.get(`/api/stream?${query}`, { cookie })).status).toBe(400);
    }
  });

  it("is refused when the process serves as many as it may, until one leaves", async () => {
    const topic = topicOf(await world.wish());
    const readers = await Promise.all(Array.from({ length: maxStreams }, () => follow(`topics=${topic}`)));
    const refusedAnswer = await world.get(`/api/stream?topics=${topic}`, { cookie });
    expect([refusedAnswer.status, refusedAnswer.headers.get("retry-after")]).toEqual([503, "5"]);
    expect(await refusedAnswer.json()).toMatchObject({ error: { reason: "too_many_streams", retryable: true } });
    readers[0]!.leave();
    await eventually("a place is free again", async () => {
      const answer = await world.get(`/api/stream?topics=${topic}`, { cookie });
      await answer.body?.cancel();
      return answer.status === 200;
    });
  });

  it("ends at shutdown, so that the service can drain", async () => {
    const reader = await follow(`topics=${topicOf(await world.wish())}`);
    await reader.nextNews();
    await world.stopServer();
    await world.startServer();
    let frame: ReadFrame | null;
    do frame = await reader.next();
    while (frame);
    expect(frame).toBeNull();
  });
});

/** Puts a frame that was already read back in front. */
function replayFirst(first: ReadFrame | null, reader: StreamReader): () => Promise<ReadFrame | null> {
  let isReplayed = false;
  return async () => {
    if (isReplayed) return reader.nextNews();
    isReplayed = true;
    return first;
  };
}
