import type { SessionEvent } from "./events.ts";
import type { Transcript } from "./transcript.ts";

/**
 * One stream per browser tab, with topics, because HTTP/1.1 allows six connections per origin. Each frame's SSE `id:`
 * is the cursor: the plane's epoch and a position per topic. After a restore of the database every old position lies,
 * so an unknown epoch, a future position or garbage gets a fresh snapshot instead of a gap.
 */
export type Topic = `session:${string}`;

export interface Cursor {
  epoch: string;
  positions: ReadonlyMap<string, number>;
}

export function formatCursor(cursor: Cursor): string {
  return [cursor.epoch, ...[...cursor.positions].map(([topic, position]) => `${topic}=${position}`)].join("~");
}

/** Null for anything that is not a cursor: the caller then starts from a snapshot. */
export function parseCursor(text: string): Cursor | null {
  const [epoch, ...rest] = text.split("~");
  if (!epoch || text.length > 4096) return null;
  const positions = new Map<string, number>();
  for (const pair of rest) {
    const match = /^([a-z]+:[0-9a-f-]+)=(\d{1,15})$/.exec(pair);
    if (!match) return null;
    positions.set(match[1]!, Number(match[2]));
  }
  return { epoch, positions };
}

/** `data:` of each SSE event name. */
export interface StreamFrames {
  /** The whole state of a topic, as of position `through`. Replaces what the reader had. */
  snapshot: { topic: Topic; through: number; transcript: Transcript };
  /** The events after the reader's position, in order. */
  changes: { topic: Topic; events: SessionEvent[] };
  /** At least every 15 s: a reader that hears nothing for longer knows that its stream died. */
  beat: { at: string };
  /** The topic can't be followed (any more); the reader drops it. */
  refused: { topic: Topic; reason: string };
}

export type StreamFrameName = keyof StreamFrames;

export const beatMs = 10_000;
