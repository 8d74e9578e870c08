import { describe, expect, it } from "vitest";
import {
  acceptedButUnfinished,
  brokenSequences,
  doubleLeases,
  staleWrites,
  writesAfterTheEnd,
  type SessionFacts,
} from "./checks.ts";

const event = (seq: number, type: string, attempt: number | null = null) => ({ seq, type, attempt, command_id: "c" });
const good = [
  event(1, "command.accepted"),
  event(2, "attempt.started", 1),
  event(3, "attempt.lost", 1),
  event(4, "attempt.started", 2),
  event(6, "message.part.updated", 2),
  event(7, "command.finished", 2),
];
const seen = new Map([...good.map(({ seq, type }) => [seq, type] as const), [5, "message.part.delta"]]);
const session = (events = good): SessionFacts => ({ sessionId: "s", events, seen, newest: 7 });
const commands = (status: string) => [{ command_id: "c", session_id: "s", status }];

describe("chaos's own checks", () => {
  it("pass a session whose worker was lost once and whose delta was compacted away", () => {
    const all = [session()];
    const found = [
      acceptedButUnfinished(new Set(["c"]), commands("succeeded"), all),
      brokenSequences(all),
      staleWrites(all),
      writesAfterTheEnd(all),
    ];
    expect(found.flat()).toEqual([]);
  });

  it("find a command that was accepted and is gone, still open, or ended twice", () => {
    expect(acceptedButUnfinished(new Set(["other"]), [], [])).toHaveLength(1);
    expect(acceptedButUnfinished(new Set(["c"]), commands("working"), [session()])).toHaveLength(1);
    const twice = session([...good, event(8, "command.finished", 2)]);
    expect(acceptedButUnfinished(new Set(["c"]), commands("succeeded"), [twice])).toHaveLength(1);
  });

  it("find an event that is gone and was no delta, and one beyond the sequence", () => {
    expect(brokenSequences([session(good.filter(({ seq }) => seq !== 4))])).toEqual([
      "session s lost event 4 (attempt.started)",
    ]);
    expect(brokenSequences([session([...good, event(9, "session.error", 2)])])).toHaveLength(1);
  });

  it("find what a stale owner wrote after the next attempt had begun, or after the end", () => {
    const late = session([...good.slice(0, 4), event(5, "message.updated", 1), ...good.slice(4)]);
    expect(staleWrites([late])).toHaveLength(1);
    expect(writesAfterTheEnd([session([...good, event(8, "message.updated", 2)])])).toHaveLength(1);
  });

  it("find two live attempts of one work", () => {
    const alive = { work_id: "w", ended_at: null };
    expect(doubleLeases([alive, alive], [])).toHaveLength(1);
    expect(
      doubleLeases(
        [{ ...alive, ended_at: new Date(0) }, alive],
        [{ work_id: "w" }, { work_id: null }, { work_id: null }],
      ),
    ).toEqual([]);
  });
});
