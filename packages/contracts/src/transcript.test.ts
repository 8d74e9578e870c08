import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { SessionEvent } from "./events.ts";
import { emptyTranscript, foldEvent, isFinal, turnsOf, type Transcript } from "./transcript.ts";

const fold = (events: readonly SessionEvent[], from: Transcript = emptyTranscript) => events.reduce(foldEvent, from);

type Fact = Pick<SessionEvent, "type" | "payload">;

/** One streamed text part: announced empty, grown by deltas, closed by its final state, which the runtime trims. */
const partStory = fc
  .record({ chunks: fc.array(fc.constantFrom("a", "bc ", " ", "d\n", "ü€"), { maxLength: 6 }), closed: fc.boolean() })
  .map(({ chunks, closed }) => (messageID: string, id: string): Fact[] => {
    const part = { id, messageID, sessionID: "s", type: "text" };
    const deltas = chunks.map((text, at): Fact => {
      const offset = chunks.slice(0, at).join("").length;
      return { type: "message.part.delta", payload: { messageID, partID: id, field: "text", offset, text } };
    });
    const opening: Fact = {
      type: "message.part.updated",
      payload: { part: { ...part, text: "", time: { start: 1 } } },
    };
    const closing: Fact = {
      type: "message.part.updated",
      payload: { part: { ...part, text: chunks.join("").trimEnd(), time: { start: 1, end: 2 } } },
    };
    return [opening, ...deltas, ...(closed ? [closing] : [])];
  });

/** A session as the plane would number it: commands one after the other, each perhaps lost once and tried again. */
const session = fc
  .array(
    fc.record({
      lost: fc.boolean(),
      early: fc.boolean(),
      ending: fc.constantFrom("finished", "cancelled", "working" as const),
      messages: fc.array(fc.array(partStory, { maxLength: 3 }), { maxLength: 2 }),
    }),
    { maxLength: 4 },
  )
  .map((commands) => {
    const events: SessionEvent[] = [];
    commands.forEach(({ lost, early, ending, messages }, index) => {
      const commandId = `c${index}`;
      const state = (attempt: number | null, fact: Fact) =>
        events.push({
          ...fact,
          seq: events.length + 1,
          attempt,
          commandId,
          at: "2026-01-01T00:00:00.000Z",
        } as SessionEvent);
      state(null, {
        type: "command.accepted",
        payload: { commandId, commandSeq: index + 1, text: `do ${index}`, by: "u" },
      });
      if (ending === "cancelled")
        return state(null, { type: "command.cancelled", payload: { commandId, reason: "stopped_by_person" } });
      for (let attempt = 1; attempt <= (lost ? 2 : 1); attempt += 1) {
        state(attempt, { type: "attempt.started", payload: { commandId, attempt, worker: "w" } });
        messages.forEach((parts, at) => {
          const id = `m${index}-${attempt}-${at}`;
          const info = { id, sessionID: "s", role: "assistant" };
          // The runtime may announce a part before its message, and tells about the message again when it is done.
          if (!early) state(attempt, { type: "message.updated", payload: { info } });
          parts.forEach((story, number) => story(id, `${id}-p${number}`).forEach((fact) => state(attempt, fact)));
          state(attempt, { type: "message.updated", payload: { info: { ...info, finish: "stop" } } });
        });
        if (lost && attempt === 1)
          state(null, { type: "attempt.lost", payload: { commandId, attempt, reason: "worker_lost" } });
      }
      const attempt = lost ? 2 : 1;
      if (ending === "finished") {
        state(attempt, {
          type: "command.finished",
          payload: { commandId, attempt, outcome: "succeeded", reason: null },
        });
      }
      return undefined;
    });
    return events;
  });

/** A session with a place in it. */
const sessionAt = session.chain((events) => fc.tuple(fc.constant(events), fc.nat({ max: events.length })));

describe("the fold of a session", () => {
  it("reads each delta once, however often it comes", () => {
    fc.assert(
      fc.property(session, (events) => {
        const twice = events.flatMap((event): SessionEvent[] =>
          event.type === "message.part.delta" ? [event, event] : [event],
        );
        expect(fold(twice)).toEqual(fold(events));
      }),
    );
  });

  it("ignores a delta that comes again later, alone", () => {
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        const state = fold(events);
        for (const event of events.slice(0, at)) {
          if (event.type === "message.part.delta") expect(foldEvent(state, event)).toBe(state);
        }
      }),
    );
  });

  it("holds the last stated form of every final part, and grows the others by their deltas", () => {
    fc.assert(
      fc.property(session, (events) => {
        const expected = new Map<string, unknown>();
        for (const event of events) {
          if (event.type === "message.part.updated") expected.set(event.payload.part.id, event.payload.part["text"]);
          if (event.type === "message.part.delta") {
            expected.set(event.payload.partID, `${String(expected.get(event.payload.partID))}${event.payload.text}`);
          }
        }
        const parts = Object.values(fold(events).messages).flatMap((message) => Object.values(message.parts));
        expect(new Map(parts.map((part) => [part.id, part["text"]]))).toEqual(expected);
      }),
    );
  });

  it("follows a command through its attempts", () => {
    const outcome: Partial<Record<SessionEvent["type"], string>> = {
      "command.accepted": "waiting",
      "command.cancelled": "cancelled",
      "attempt.started": "working",
      "attempt.lost": "waiting",
      "command.finished": "succeeded",
    };
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        const seen = events.slice(0, at);
        for (const [commandId, command] of Object.entries(fold(seen).commands)) {
          const last = seen.filter((event) => event.commandId === commandId && event.type in outcome).at(-1)!;
          expect(command.status).toBe(outcome[last.type]);
        }
      }),
    );
  });

  it("comes to the same state from any earlier state and the events after it", () => {
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        expect(fold(events.slice(at), fold(events.slice(0, at)))).toEqual(fold(events));
      }),
    );
  });

  it("comes to the same state when a suffix is delivered again, from any place", () => {
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        expect(fold(events.slice(at), fold(events))).toEqual(fold(events));
      }),
    );
  });

  it("comes to the same state without the deltas of final parts, from every cursor (compaction)", () => {
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        const final = new Set(
          events.flatMap((event) =>
            event.type === "message.part.updated" && isFinal(event.payload.part) ? [event.payload.part.id] : [],
          ),
        );
        const compacted = events.filter(
          (event) => !(event.type === "message.part.delta" && final.has(event.payload.partID)),
        );
        const cursor = events[at]?.seq ?? Infinity;
        expect(fold(compacted)).toEqual(fold(events));
        expect(
          fold(
            compacted.filter((event) => event.seq >= cursor),
            fold(events.filter((event) => event.seq < cursor)),
          ),
        ).toEqual(fold(events));
      }),
    );
  });

  it("never changes a state that was handed out", () => {
    fc.assert(
      fc.property(sessionAt, ([events, at]) => {
        const before = fold(events.slice(0, at));
        const copy = structuredClone(before);
        fold(events.slice(at), before);
        expect(before).toEqual(copy);
      }),
    );
  });

  it("gives a message to whoever told of it last, and one that told nothing of itself to whoever told of its parts", () => {
    const part = { id: "p", messageID: "m", sessionID: "s", type: "text" };
    const by = (attempt: number, fact: Fact) =>
      ({ ...fact, seq: attempt, attempt, commandId: "c", at: "" }) as SessionEvent;
    const partBy = (attempt: number) => by(attempt, { type: "message.part.updated", payload: { part } });
    const message = by(3, { type: "message.updated", payload: { info: { id: "m", sessionID: "s" } } });
    const story = [partBy(1), partBy(2), message, partBy(4)];
    const owners = story.map((_, at) => fold(story.slice(0, at + 1)).messages["m"]!.attempt);
    expect(owners).toEqual([1, 2, 3, 3]);
  });

  it("shows the words of a part as they stream", () => {
    const events = fc
      .sample(session, { numRuns: 200, seed: 4711 })
      .find((candidate) => candidate.some(({ type }) => type === "message.part.delta"))!;
    const at = events.findIndex(({ type }) => type === "message.part.delta");
    const delta = events[at] as Extract<SessionEvent, { type: "message.part.delta" }>;
    const { messageID, partID, text } = delta.payload;
    expect(fold(events.slice(0, at + 1)).messages[messageID]!.parts[partID]!["text"]).toBe(text);
  });
});

describe("the turns of a transcript", () => {
  it("are the commands in order, with every answer in exactly one place", () => {
    fc.assert(
      fc.property(session, (events) => {
        const state = fold(events);
        const turns = turnsOf(state);
        expect(turns.map((turn) => turn.command.commandSeq)).toEqual(turns.map((_, at) => at + 1));
        const shown = turns.flatMap((turn) => [...turn.answers, ...turn.lost]).map((message) => message.info.id);
        expect(shown.sort()).toEqual(Object.keys(state.messages).sort());
      }),
    );
  });

  it("show what a lost attempt had said apart from the newest answers", () => {
    fc.assert(
      fc.property(session, (events) => {
        for (const { command, answers, lost } of turnsOf(fold(events))) {
          for (const message of answers) expect(message.attempt).toBe(command.attempt);
          for (const message of lost)
            expect(message.attempt! < command.attempt || command.status === "waiting").toBe(true);
        }
      }),
    );
  });
});
