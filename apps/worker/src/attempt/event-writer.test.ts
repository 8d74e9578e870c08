import { describe, expect, it } from "vitest";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import type { Reason } from "@open-cowork/contracts/refusals";
import type { WriteRefusal } from "@open-cowork/store/worker-api/append-events";
import { eventually } from "@open-cowork/testkit/eventually";
import { MovingClock } from "@open-cowork/testkit/moving-clock";
import { createEventWriter, type EventWriterOptions } from "./event-writer.ts";
import { LeaseLost } from "./lease-keeper.ts";
import { mergeDeltas } from "./merge-deltas.ts";

const delta = (partID: string, offset: number, text: string): RuntimeEvent => ({
  type: "message.part.delta",
  payload: { messageID: "msg_1", partID, field: "text", offset, text },
});
const message = (id: string): RuntimeEvent => ({
  type: "message.updated",
  payload: { info: { id, sessionID: "ses_1" } },
});

class Away extends Error {}
type Answer = Outcome<{ through: number }, WriteRefusal>;

function lane(
  answer: (batchNo: number, attempt: number) => Answer = () => accepted({ through: 1 }),
  { released = false, clock }: { released?: boolean; clock?: MovingClock } = {},
) {
  const sent: Array<{ batchNo: number; events: readonly RuntimeEvent[]; outcome?: string }> = [];
  const lost = new AbortController();
  const bugs: unknown[] = [];
  const tries = new Map<number, number>();
  const take = async (batchNo: number, events: readonly RuntimeEvent[], outcome?: string): Promise<Answer> => {
    const attempt = (tries.get(batchNo) ?? 0) + 1;
    tries.set(batchNo, attempt);
    sent.push({ batchNo, events, ...(outcome && { outcome }) });
    return answer(batchNo, attempt);
  };
  const options: EventWriterOptions = {
    firstBatch: 1,
    // A keeper that was released loses nothing any more.
    keeper: { lost: lost.signal, lose: (reason: Reason) => void (released || lost.abort(new LeaseLost(reason))) },
    append: (batchNo, events) => take(batchNo, events),
    finish: (batchNo, events, outcome) => take(batchNo, events, outcome.kind),
    mayRetry: (error) => error instanceof Away,
    onAppended: () => {},
    onRefused: () => {},
    onBug: (error) => void bugs.push(error),
    ...(clock && { clock }),
  };
  return { writer: createEventWriter(options), sent, lost, bugs };
}

describe("deltas of one part", () => {
  it("become one when the second goes on where the first ended", () => {
    expect(mergeDeltas(delta("p", 3, "ab"), delta("p", 5, "c"))).toEqual(delta("p", 3, "abc"));
  });
  it("stay apart across a hole, another part or anything else", () => {
    expect(mergeDeltas(delta("p", 3, "ab"), delta("p", 6, "c"))).toBeNull();
    expect(mergeDeltas(delta("p", 3, "ab"), delta("q", 5, "c"))).toBeNull();
    expect(mergeDeltas(message("m"), delta("p", 5, "c"))).toBeNull();
    expect(mergeDeltas(undefined, delta("p", 0, "c"))).toBeNull();
  });
});

describe("an event writer", () => {
  it("numbers its batches, merges what it can, and ends with the last events and the outcome in one call", async () => {
    const { writer, sent } = lane();
    await writer.write([message("m"), delta("p", 0, "He"), delta("p", 2, "llo")]);
    await eventually("the first batch is sent", () => sent.length === 1);
    await writer.write([delta("p", 5, " you")]);
    await writer.finish({ kind: "succeeded" });
    expect(sent).toEqual([
      { batchNo: 1, events: [message("m"), delta("p", 0, "Hello")] },
      { batchNo: 2, events: [delta("p", 5, " you")], outcome: "succeeded" },
    ]);
  });

  it("sends the first word after a pause at once, and merges those that follow closely", async () => {
    const clock = new MovingClock();
    const { writer, sent } = lane(undefined, { clock });
    await writer.write([delta("p", 0, "One ")]);
    await eventually("it is sent", () => sent.length === 1);
    await writer.write([delta("p", 4, "two ")]);
    await writer.write([delta("p", 8, "three")]);
    await eventually("they wait", () => clock.sleeping === 1);
    expect(sent).toHaveLength(1);
    await clock.advance(15);
    await eventually("they are sent", () => sent.length === 2);
    expect(sent[1]!.events).toEqual([delta("p", 4, "two three")]);
    await clock.advance(1_000);
    await writer.write([delta("p", 13, ".")]);
    await eventually("so is the next", () => sent.length === 3);
  });

  it("repeats a batch whose answer was lost under its own number", async () => {
    const { writer, sent } = lane((batchNo, attempt) => {
      if (batchNo === 1 && attempt < 3) throw new Away();
      return accepted({ through: 1 });
    });
    await writer.write([message("m")]);
    await eventually("it got through", () => sent.length === 3);
    await writer.finish({ kind: "succeeded" });
    expect(sent.map(({ batchNo }) => batchNo)).toEqual([1, 1, 1, 2]);
    expect(sent[2]!.events).toEqual(sent[0]!.events);
  });

  it("loses the lease at a refusal and writes nothing more", async () => {
    const { writer, sent, lost } = lane(() => refused("stale_lease"));
    await writer.write([message("m")]);
    await eventually("the lease is lost", () => lost.signal.aborted);
    await writer.write([message("late")]);
    await expect(writer.finish({ kind: "succeeded" })).rejects.toThrow(LeaseLost);
    expect(sent).toHaveLength(1);
  });

  it("takes a refusal for the end also after the attempt has ended, instead of asking for ever", async () => {
    const answer = (_: number, attempt: number) => {
      if (attempt > 1) throw new Error("asked again");
      return refused("lease_ended");
    };
    const { writer, sent, bugs } = lane(answer, { released: true });
    await writer.write([message("m")]);
    await expect(writer.finish({ kind: "succeeded" })).rejects.toThrow();
    expect([sent.length, bugs]).toEqual([1, []]);
  });

  it("stops repeating when the lease can't be trusted any more", async () => {
    const { writer, lost } = lane(() => {
      throw new Away();
    });
    await writer.write([message("m")]);
    lost.abort(new LeaseLost("unproven"));
    await expect(writer.finish({ kind: "succeeded" })).rejects.toThrow(LeaseLost);
  });

  it("says when a batch can never be written, and gives the lease up", async () => {
    const { writer, lost, bugs } = lane(() => {
      throw new TypeError("a bug");
    });
    await writer.write([message("m")]);
    await eventually("the lease is given up", () => lost.signal.aborted);
    expect(bugs).toEqual([new TypeError("a bug")]);
  });

  it("keeps batches within their bounds and in order, however much comes at once", async () => {
    const { writer, sent } = lane();
    const ids = Array.from({ length: 350 }, (_, n) => `m${n}`);
    await writer.write(ids.map(message));
    await writer.finish({ kind: "succeeded" });
    expect(sent.every(({ events }) => events.length <= 100)).toBe(true);
    const order = sent.flatMap(({ events }) =>
      events.map((event) => event.type === "message.updated" && event.payload.info.id),
    );
    expect(order).toEqual(ids);
    expect(sent.map(({ batchNo }) => batchNo)).toEqual(sent.map((_, n) => n + 1));
  });
});
