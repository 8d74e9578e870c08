import { jittered, type Clock } from "@open-cowork/contracts/clock";
import type { SessionEvent } from "@open-cowork/contracts/events";
import {
  beatMs,
  formatCursor,
  type Cursor,
  type StreamFrameName,
  type StreamFrames,
  type Topic,
} from "@open-cowork/contracts/stream";
import type { Transcript } from "@open-cowork/contracts/transcript";
import { DatabaseUnavailable } from "@open-cowork/store/database/unavailable";
import type { SessionBell } from "./session-bell.ts";

export type Frame = { [N in StreamFrameName]: { name: N; data: StreamFrames[N]; cursor?: string } }[StreamFrameName];

/** What a stream may read, already bound to the person it reads for. Null: there is no such session for them. */
export interface StreamSource {
  snapshot(topic: Topic): Promise<{ through: number; transcript: Transcript } | null>;
  changes(topic: Topic, after: number): Promise<{ events: SessionEvent[]; through: number } | null>;
  /** Whether the person is still signed in and the plane's epoch is still this one. */
  stillHolds(): Promise<boolean>;
}

export interface FollowOptions {
  topics: readonly Topic[];
  epoch: string;
  cursor: Cursor | null;
  source: StreamSource;
  bell: SessionBell;
  clock: Clock;
  signal: AbortSignal;
  onLag: (seconds: number) => void;
}

/** The backstop for a lost notification, and all there is behind a transaction pooler. */
const backstopMs = 1_000;
const recheckMs = 30_000;

/**
 * One subscriber's frames, pulled one at a time: it reads the database by its own position and holds one page at
 * most, so a slow reader costs a page and delays nobody. A beat says "you are current", so it is left out while the
 * database can't be read; the reader then notices the silence and comes back with its cursor.
 */
export async function* follow(options: FollowOptions): AsyncGenerator<Frame> {
  const { bell, clock, source, signal } = options;
  const positions = startingPositions(options);
  // The first beat comes with the first moment of being current: a reader that resumed knows at once.
  let beatDueMs = clock.monotonicMs();
  let recheckDueMs = clock.monotonicMs() + recheckMs;
  let isLive = false;

  while (!signal.aborted && positions.size > 0) {
    const alarm = bell.arm([...positions.keys()].map(sessionIdOf));
    try {
      let moved = false;
      for (const [topic, position] of positions) {
        const frame = await nextFrame(source, topic, position);
        if (!frame) continue;
        moved = true;
        if (frame.name === "refused") positions.delete(topic);
        else positions.set(topic, frame.through);
        if (frame.name === "changes" && isLive) options.onLag(ageSeconds(clock, frame.data.events));
        const cursor = formatCursor({ epoch: options.epoch, positions: known(positions) });
        yield { name: frame.name, data: frame.data, cursor } as Frame;
      }
      // Only the news that reach a reader who had caught up say how far behind the plane is.
      isLive = !moved || isLive;
      const nowMs = clock.monotonicMs();
      if (nowMs >= recheckDueMs) {
        if (!(await source.stillHolds())) return yield* refuseAll(positions);
        recheckDueMs = nowMs + recheckMs;
      }
      if (!moved && nowMs >= beatDueMs) {
        yield { name: "beat", data: { at: clock.now().toISOString() } };
        beatDueMs = clock.monotonicMs() + beatMs;
      }
      if (!moved) await pause(clock, alarm.rung, signal);
    } catch (error) {
      if (!(error instanceof DatabaseUnavailable)) throw error;
      await pause(clock, signal, signal);
    } finally {
      alarm.disarm();
    }
  }
}

export function sessionIdOf(topic: Topic): string {
  return topic.slice("session:".length);
}

type Positions = Map<Topic, number | null>;

/** Null asks for a snapshot. After a restore every old position lies, so another epoch starts all of them afresh. */
function startingPositions({ topics, epoch, cursor }: FollowOptions): Positions {
  const isOurs = cursor?.epoch === epoch;
  return new Map(topics.map((topic) => [topic, (isOurs ? cursor.positions.get(topic) : undefined) ?? null]));
}

function known(positions: Positions): Map<string, number> {
  return new Map([...positions].flatMap(([topic, position]) => (position === null ? [] : [[topic, position]])));
}

type Step =
  | { name: "snapshot"; data: StreamFrames["snapshot"]; through: number }
  | { name: "changes"; data: StreamFrames["changes"]; through: number }
  | { name: "refused"; data: StreamFrames["refused"] };

async function nextFrame(source: StreamSource, topic: Topic, position: number | null): Promise<Step | null> {
  const gone: Step = { name: "refused", data: { topic, reason: "not_found" } };
  if (position !== null) {
    const changes = await source.changes(topic, position);
    if (!changes) return gone;
    if (changes.events.length > 0)
      return { name: "changes", data: { topic, events: changes.events }, through: changes.through };
    if (position <= changes.through) return null;
    // A position that was never given out: the cursor is of another life of this database, or made up.
  }
  const snapshot = await source.snapshot(topic);
  if (!snapshot) return gone;
  return { name: "snapshot", data: { topic, ...snapshot }, through: snapshot.through };
}

function* refuseAll(positions: Positions): Generator<Frame> {
  for (const topic of positions.keys()) yield { name: "refused", data: { topic, reason: "not_signed_in" } };
}

function ageSeconds(clock: Clock, events: SessionEvent[]): number {
  const newest = events.at(-1);
  return newest ? Math.max(0, clock.now().getTime() - Date.parse(newest.at)) / 1000 : 0;
}

/** Until rung, or the backstop, whichever is first. */
async function pause(clock: Clock, rung: AbortSignal, signal: AbortSignal): Promise<void> {
  await clock.sleep(jittered(backstopMs), AbortSignal.any([rung, signal])).catch(() => {});
}
