import type { EventRow } from "./ledger.ts";

/** What must hold of a plane, whatever was done to it. Pure: facts in, violations out. */
export interface SessionFacts {
  sessionId: string;
  /** What is there at the end, by seq. */
  events: EventRow[];
  /** What was seen at any time, by seq: compaction may have removed some of it since. */
  seen: ReadonlyMap<number, string>;
  /** The newest seq that was ever given out. */
  newest: number;
}

export interface CommandFacts {
  command_id: string;
  session_id: string;
  status: string;
}

const terminal = ["succeeded", "failed", "cancelled"];
const endings = ["command.finished", "command.cancelled"];

export function acceptedButUnfinished(
  acceptedIds: ReadonlySet<string>,
  commands: CommandFacts[],
  sessions: SessionFacts[],
): string[] {
  const known = new Map(commands.map((command) => [command.command_id, command]));
  const missing = [...acceptedIds]
    .filter((id) => !known.has(id))
    .map((id) => `command ${id} was accepted and is not there`);
  const events = sessions.flatMap((session) => session.events);
  return missing.concat(
    commands.flatMap(({ command_id, status }) => {
      const ends = events.filter((event) => event.command_id === command_id && endings.includes(event.type)).length;
      return terminal.includes(status) && ends === 1
        ? []
        : [`command ${command_id} is ${status} and ended ${ends} times`];
    }),
  );
}

export function brokenSequences(sessions: SessionFacts[]): string[] {
  return sessions.flatMap(({ sessionId, events, seen, newest }) => {
    const present = new Set(events.map((event) => event.seq));
    const problems = present.size === events.length ? [] : [`session ${sessionId} has two events of one seq`];
    for (let seq = 1; seq <= newest; seq += 1) {
      const was = seen.get(seq);
      // Only deltas may go. One that nobody saw come is taken for a delta: it came and went between two looks.
      if (!present.has(seq) && was !== undefined && was !== "message.part.delta") {
        problems.push(`session ${sessionId} lost event ${seq} (${was})`);
      }
    }
    for (const seq of present)
      if (seq < 1 || seq > newest) problems.push(`session ${sessionId} has event ${seq} beyond ${newest}`);
    return problems;
  });
}

/** A stale owner that wrote shows as an event of an attempt after a newer attempt of the same command had begun. */
export function staleWrites(sessions: SessionFacts[]): string[] {
  return sessions.flatMap(({ sessionId, events }) => {
    const newestAttempt = new Map<string, number>();
    return events.flatMap(({ seq, type, attempt, command_id }) => {
      if (attempt === null || command_id === null) return [];
      const newest = newestAttempt.get(command_id) ?? 0;
      newestAttempt.set(command_id, Math.max(newest, attempt));
      return attempt < newest
        ? [`session ${sessionId}: event ${seq} (${type}) of attempt ${attempt} came after attempt ${newest} had begun`]
        : [];
    });
  });
}

/** A command that ended takes nothing more. */
export function writesAfterTheEnd(sessions: SessionFacts[]): string[] {
  return sessions.flatMap(({ sessionId, events }) => {
    const ended = new Set<string>();
    return events.flatMap(({ seq, type, command_id }) => {
      if (command_id === null) return [];
      if (ended.has(command_id))
        return [`session ${sessionId}: event ${seq} (${type}) came after its command had ended`];
      if (endings.includes(type)) ended.add(command_id);
      return [];
    });
  });
}

export function doubleLeases(
  attempts: Array<{ work_id: string; ended_at: Date | null }>,
  lanes: Array<{ work_id: string | null }>,
): string[] {
  const live = attempts.filter((attempt) => attempt.ended_at === null).map(({ work_id }) => work_id);
  const held = lanes.flatMap(({ work_id }) => (work_id === null ? [] : [work_id]));
  const twice = (ids: string[]) => ids.filter((id, index) => ids.indexOf(id) !== index);
  return [
    ...twice(live).map((id) => `work ${id} has two attempts alive`),
    ...twice(held).map((id) => `work ${id} is held by two lanes`),
  ];
}
