import { describe, expect, it } from "vitest";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { EventMapper } from "./event-mapper.ts";
import { eventText } from "./event-text.ts";
import { bytesOf, fitEvent, mostEventBytes } from "./fit-event.ts";
import { sessionDirectoryOf } from "./session-directory.ts";

const token = "cwk_a-live-token-of-the-broker";
const directory = sessionDirectoryOf("/srv/plane/worker", "s-1");
const part = (text: string, end?: number) => ({
  type: "message.part.updated" as const,
  part: {
    id: "prt_1",
    sessionID: "ses_1",
    messageID: "msg_1",
    type: "text",
    text,
    time: { start: 1, ...(end && { end }) },
  },
});
const delta = (text: string) => ({
  type: "message.part.delta" as const,
  messageID: "msg_1",
  partID: "prt_1",
  field: "text",
  delta: text,
});
const mapper = () => new EventMapper(eventText(directory, [token]));
const textOf = (events: RuntimeEvent[]) =>
  events.map((event) => (event.type === "message.part.delta" ? event.payload.text : "")).join("");

describe("the event mapper", () => {
  it("never shows a live secret or a local path, wherever the stream is cut", () => {
    const said = `my key ${token} works in ${directory.workspace}/a.txt today`;
    const shown = "my key [secret] works in /workspace/a.txt today";
    for (let cut = 0; cut <= said.length; cut++) {
      const mapping = mapper();
      mapping.map(part(""));
      const events = [said.slice(0, cut), said.slice(cut)].flatMap((piece) => mapping.map(delta(piece)));
      expect(textOf(events)).toBe(shown);
      const [first, second] = events;
      if (second?.type === "message.part.delta" && first?.type === "message.part.delta") {
        expect(second.payload.offset).toBe(first.payload.text.length);
      }
      expect(mapping.map(part(said, 2))).toMatchObject([{ payload: { part: { text: shown } } }]);
    }
  });

  it("counts offsets from the part's own text, and drops deltas of parts whose end it can't know", () => {
    const mapping = mapper();
    expect(mapping.map(delta("lost"))).toEqual([]);
    mapping.map(part("abc"));
    expect(mapping.map(delta("d"))).toMatchObject([{ payload: { offset: 3, text: "d" } }]);
    mapping.forgetOpenParts();
    expect(mapping.map(delta("e"))).toEqual([]);
    mapping.map(part("abcde", 2));
    expect(mapping.map(delta("late"))).toEqual([]);
  });

  it("passes on only what streams into the field text", () => {
    const mapping = mapper();
    mapping.map(part(""));
    expect(mapping.map({ ...delta("x"), field: "input" })).toEqual([]);
  });

  it("cleans keys as well, because diagnostics are keyed by path", () => {
    const info = {
      id: "msg_1",
      sessionID: "ses_1",
      role: "user",
      seen: { [`${directory.workspace}/a.ts`]: [`${directory.state}/log`] },
    };
    expect(mapper().map({ type: "message.updated", info })).toMatchObject([
      { payload: { info: { seen: { "/workspace/a.ts": ["/session/state/log"] } } } },
    ]);
  });

  it("cuts an event that no batch could carry, and marks where", () => {
    const [event] = mapper().map(part("x".repeat(mostEventBytes * 3), 2));
    expect(bytesOf(event)).toBeLessThanOrEqual(mostEventBytes);
    expect(JSON.stringify(event)).toContain("… [cut]");
    const many = Array.from({ length: 50_000 }, (_, n) => `entry number ${n}`);
    const wide: RuntimeEvent = { type: "message.part.updated", payload: { part: { ...part("").part, many } } };
    expect(bytesOf(fitEvent(wide))).toBeLessThanOrEqual(mostEventBytes);
  });
});
