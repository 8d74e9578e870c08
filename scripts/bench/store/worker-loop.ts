import { randomBytes } from "node:crypto";
import { every, jittered, systemClock } from "@open-cowork/contracts/clock";
import { heartbeatMs, leaseTimings, pollMs } from "@open-cowork/contracts/timings";
import type { Database } from "@open-cowork/store/database/open";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import type { BenchPlane, BenchWorker } from "./plane.ts";

export interface WorkerLoopOptions {
  plane: BenchPlane;
  database: Database;
  worker: BenchWorker;
  lanes: number;
  ttlMs?: number;
  onClaimed: (claimed: Claimed, claimedAtMs: number) => Promise<void>;
}

/** The worker's loop and nothing else: listens, polls as a backstop, claims for the lanes that are free, beats. */
export class WorkerLoop {
  readonly #options: WorkerLoopOptions;
  readonly #stopping = new AbortController();
  readonly #running = new Set<Promise<void>>();
  readonly #stopListening: () => void;
  readonly #stopBeating: () => void;
  readonly #done: Promise<void>;
  #wake = new AbortController();
  #wanted = false;
  /** One was sent at enrolment. */
  #beats = 1;
  #failure: unknown;

  constructor(options: WorkerLoopOptions) {
    this.#options = options;
    this.#stopListening = options.database.listen("ready", () => this.#look());
    this.#stopBeating = every(heartbeatMs, () => {
      void this.#beat(false).catch((error: unknown) => (this.#failure ??= error));
    });
    this.#done = this.#loop();
  }

  /** Claims no more, lets what runs end, and rethrows what went wrong meanwhile. */
  async stop(): Promise<void> {
    this.#stopping.abort();
    this.#stopListening();
    this.#stopBeating();
    await this.#done;
    await Promise.all(this.#running);
    // As ours does when it is told to stop: nothing is kept for it any more.
    await this.#beat(true);
    if (this.#failure) throw this.#failure as Error;
  }

  #beat(draining: boolean): Promise<void> {
    this.#beats += 1;
    return this.#options.plane.beat(this.#options.worker, this.#beats, draining);
  }

  #look(): void {
    this.#wanted = true;
    this.#wake.abort();
  }

  async #loop(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      this.#wanted = false;
      const free = this.#options.lanes - this.#running.size;
      try {
        if (free > 0) await this.#claim(free);
      } catch (error) {
        this.#failure ??= error;
      }
      if (this.#wanted || this.#stopping.signal.aborted) continue;
      this.#wake = new AbortController();
      const either = AbortSignal.any([this.#wake.signal, this.#stopping.signal]);
      await systemClock.sleep(jittered(pollMs), either).catch(() => {});
    }
  }

  async #claim(free: number): Promise<void> {
    const { database, worker, ttlMs = leaseTimings.ttlMs, onClaimed } = this.#options;
    const outcome = await claimWork(database.db, { ...claimOf(worker), limit: free, ttlMs });
    const claimedAtMs = systemClock.monotonicMs();
    if (!outcome.ok) throw new Error(`the claim was refused: ${outcome.reason}`);
    for (const claimed of outcome.value) {
      const running = onClaimed(claimed, claimedAtMs)
        .catch((error: unknown) => void (this.#failure ??= error))
        .finally(() => {
          this.#running.delete(running);
          this.#look();
        });
      this.#running.add(running);
    }
  }
}

/** A new request each time: only a repeat after a lost answer takes the old secret. */
export function claimOf({ credential, bootId }: BenchWorker) {
  return { credential, bootId, requestSecret: randomBytes(32).toString("hex") };
}
