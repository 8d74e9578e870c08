import { every, type Clock } from "@open-cowork/contracts/clock";
import type { UserId } from "@open-cowork/contracts/ids";
import type { Database } from "@open-cowork/store/database/open";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import { encodeFrame } from "./encode-frame.ts";
import { follow, type FollowOptions } from "./follow.ts";
import { SessionBell } from "./session-bell.ts";
import { SharedReads } from "./shared-reads.ts";

interface OpenStream {
  abort: AbortController;
  userId: UserId;
  /**
   * Since when the reader has had something to take, or a body to begin with; null while it waits for us. A body that
   * nobody will ever read (the answer to a HEAD) is cut like one that nobody reads any more.
   */
  handedOverAtMs: number | null;
  destroy: () => void;
}

/** A reader that does not take a frame for this long is cut; it comes back with its cursor. */
const takeWithinMs = 15_000;
/** A browser tab needs one. Without a share, one person could take every place there is. */
const mostPerPerson = 50;

/** All event streams of this process: one listener, one bell, a bound on their number, and their end at shutdown. */
export class EventStreams {
  readonly bell = new SessionBell();
  readonly reads = new SharedReads();
  readonly #open = new Set<OpenStream>();
  readonly #clock: Clock;
  readonly #most: number;
  readonly #telemetry: Telemetry;
  readonly #stopWatching: () => void;
  #stopListening: () => void = () => {};
  #isClosed = false;

  constructor(options: { clock: Clock; maxStreams: number; telemetry: Telemetry }) {
    this.#clock = options.clock;
    this.#most = options.maxStreams;
    this.#telemetry = options.telemetry;
    this.#telemetry.gauge("cowork_streams_open", () => [{ value: this.#open.size, labels: {} }]);
    this.#stopWatching = every(takeWithinMs / 3, () => this.cutSlowReaders());
  }

  listen(database: Database): void {
    this.#stopListening = database.listen("events", (payload) => {
      this.reads.startAfresh();
      this.bell.ring(payload);
    });
  }

  isFullFor(userId: UserId): boolean {
    if (this.#isClosed || this.#open.size >= this.#most) return true;
    return [...this.#open].filter((stream) => stream.userId === userId).length >= mostPerPerson;
  }

  /** `destroy` ends the connection itself, for a reader that no longer takes what it was given. */
  open(
    userId: UserId,
    options: Omit<FollowOptions, "bell" | "clock" | "signal" | "onLag">,
    destroy: () => void,
  ): ReadableStream<Uint8Array> {
    const handedOverAtMs = this.#clock.monotonicMs();
    const stream: OpenStream = { abort: new AbortController(), userId, handedOverAtMs, destroy };
    const frames = follow({
      ...options,
      bell: this.bell,
      clock: this.#clock,
      signal: stream.abort.signal,
      onLag: (seconds) => this.#telemetry.observe("cowork_stream_lag_seconds", seconds, {}),
    });
    this.#open.add(stream);
    // No queue of our own (high-water mark 0): the next frame is made when the reader has taken the last one.
    return new ReadableStream<Uint8Array>(
      {
        pull: async (controller) => {
          stream.handedOverAtMs = null;
          const next = await frames.next().catch((error: unknown) => {
            this.#telemetry.log.error({ err: error }, "an event stream broke");
            return { done: true, value: undefined } as const;
          });
          if (next.done) {
            this.#open.delete(stream);
            return controller.close();
          }
          stream.handedOverAtMs = this.#clock.monotonicMs();
          controller.enqueue(encodeFrame(next.value));
        },
        cancel: () => {
          stream.abort.abort();
          this.#open.delete(stream);
        },
      },
      { highWaterMark: 0 },
    );
  }

  cutSlowReaders(): void {
    const since = this.#clock.monotonicMs() - takeWithinMs;
    for (const stream of this.#open) {
      if (stream.handedOverAtMs === null || stream.handedOverAtMs > since) continue;
      this.#open.delete(stream);
      stream.abort.abort();
      stream.destroy();
    }
  }

  close(): void {
    this.#isClosed = true;
    this.#stopWatching();
    for (const stream of this.#open) stream.abort.abort();
    this.#stopListening();
  }
}
