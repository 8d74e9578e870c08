import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { eventTypes, type RuntimeEvent } from "@open-cowork/contracts/events";
import { saidIn } from "../testing/said-in.ts";
import { engineVersion } from "./binary.ts";
import { readFrame } from "./engine-event.ts";
import { EventMapper } from "./event-mapper.ts";
import { eventText } from "./event-text.ts";
import type { Fixture } from "./testing/record-fixtures.ts";
import { sessionDirectoryOf } from "./session-directory.ts";
import { TurnTracker, type TurnEnd } from "./turn-tracker.ts";

const names = ["text", "tool", "provider-error", "rate-limited", "aborted", "asked"] as const;
type Name = (typeof names)[number];

const recorded = (name: Name) =>
  JSON.parse(readFileSync(new URL(`fixtures/${name}.json`, import.meta.url), "utf8")) as Fixture;

/** Plays what the real binary sent through the adapter's pure parts. */
function replay(name: Name): { events: RuntimeEvent[]; end: TurnEnd | null; ends: number; asks: number } {
  const fixture = recorded(name);
  const plane = /\/recorded\/sessions\/([0-9a-f-]+)\//.exec(JSON.stringify(fixture))?.[1];
  const mapper = new EventMapper(eventText(sessionDirectoryOf("/recorded", plane ?? ""), ["recorded-token"]));
  const tracker = new TurnTracker(new Set());
  const events: RuntimeEvent[] = [];
  let asks = 0;
  let seq: number | null = null;
  let ends = 0;
  for (const raw of fixture.frames) {
    const frame = readFrame(raw, fixture.sessionId);
    if (frame.seq !== null) {
      if (seq !== null) expect(frame.seq).toBe(seq + 1);
      seq = frame.seq;
    }
    if (!frame.event) continue;
    if (frame.event.type === "permission.asked") asks += 1;
    if (tracker.accept(frame.event)) events.push(...mapper.map(frame.event));
    if (tracker.end() && ends === 0) ends = events.length;
  }
  return { events, end: tracker.end(), ends, asks };
}

describe("what the pinned OpenCode sends", () => {
  it("was recorded from the version that is installed", () => {
    for (const name of names) expect(recorded(name).version).toBe(engineVersion());
  });

  it.each(names)("fits the plane's own schemas and names no path of the machine (%s)", (name) => {
    const { events } = replay(name);
    expect(events.length).toBeGreaterThan(2);
    for (const event of events) eventTypes[event.type].payload.parse(event.payload);
    expect(JSON.stringify(events)).not.toContain("/recorded");
  });

  it("streams a text part in deltas that add up to its final state", () => {
    const { events, end } = replay("text");
    const deltas = events.filter((event) => event.type === "message.part.delta");
    const grown = deltas.reduce((text, { payload }) => {
      expect(payload.offset).toBe(text.length);
      return text + payload.text;
    }, "");
    expect(grown).toBe(saidIn(events));
    expect(end).toEqual({ kind: "completed" });
  });

  it("ends a turn with tools only after the last answer", () => {
    const { events, end } = replay("tool");
    expect(end).toEqual({ kind: "completed" });
    expect(saidIn(events)).toContain("The tool answered");
    expect(JSON.stringify(events)).toContain("/workspace/tool.txt");
  });

  it("tells a provider's refusal from an outage it got over", () => {
    expect(replay("provider-error").end).toMatchObject({ kind: "failed", reason: "provider_error" });
    expect(replay("rate-limited").end).toEqual({ kind: "completed" });
  });

  it("says idle before it has completed the messages of a failed or stopped turn, and the turn waits for them", () => {
    for (const name of ["provider-error", "aborted"] as const) {
      const { events, ends } = replay(name);
      const last = events.slice(0, ends).findLast((event) => event.type === "message.updated");
      expect(last?.payload.info["time"]).toMatchObject({ completed: expect.any(Number) as number });
    }
    expect(replay("aborted").end).toEqual({ kind: "aborted" });
  });

  it("keeps headers, bodies and addresses between engine and broker out of an error", () => {
    const seen = JSON.stringify(replay("provider-error").events);
    expect(seen).toContain("The scripted model was asked to fail.");
    for (const wire of ["responseHeaders", "responseBody", "127.0.0.1"]) expect(seen).not.toContain(wire);
  });

  it("asks when a rule says so, and goes on after a rejection", () => {
    expect(replay("asked")).toMatchObject({ asks: 1, end: { kind: "completed" } });
  });
});
