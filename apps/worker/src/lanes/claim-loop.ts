import { jittered, systemClock } from "@open-cowork/contracts/clock";
import type { BootId } from "@open-cowork/contracts/ids";
import { createToken } from "@open-cowork/secrets/token";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import type { Database } from "@open-cowork/store/database/open";
import { DatabaseUnavailable } from "@open-cowork/store/database/unavailable";
import type { Telemetry } from "@open-cowork/telemetry/set-up";
import { trustedUntil, type LeaseTimes } from "../attempt/lease-keeper.ts";

export interface ClaimLoop {
  /** Look now: work became ready, or a lane became free. */
  wake(): void;
  /** Resolves when nothing more is claimed. */
  readonly done: Promise<void>;
}

export interface ClaimLoopOptions {
  database: Database;
  telemetry: Telemetry;
  credential: string;
  bootId: BootId;
  lease: LeaseTimes;
  pollMs: number;
  freeLanes(): number;
  onClaimed(claimed: Claimed, claimedAt: number): void;
  stopping: AbortSignal;
}

interface Request {
  secret: string;
  sentAt: number;
}

export function startClaimLoop(options: ClaimLoopOptions): ClaimLoop {
  const { stopping, telemetry, database, pollMs } = options;
  let wake = new AbortController();
  let wanted = false;
  /** Kept until it is answered: what a lost answer gave must be asked for again, or it waits for its lease to expire. */
  let open: Request | null = null;
  let refusedFor: string | null = null;

  const look = async (limit: number): Promise<void> => {
    const now = systemClock.monotonicMs();
    // Leases count from the first time a request was sent, so an old one is not worth repeating.
    if (open && now >= trustedUntil(open.sentAt, options.lease)) open = null;
    open ??= { secret: createToken("broker"), sentAt: now };
    const { secret, sentAt } = open;
    const { credential, bootId, lease } = options;
    const outcome = await claimWork(database.db, {
      credential,
      bootId,
      requestSecret: secret,
      limit,
      ttlMs: lease.ttlMs,
    });
    open = null;
    if (!outcome.ok) {
      telemetry.count("cowork_refusals_total", { reason: outcome.reason });
      // Once per change: a paused worker asks every second.
      if (refusedFor !== outcome.reason) telemetry.log.warn({ reason: outcome.reason }, "may not claim work");
      refusedFor = outcome.reason;
      return;
    }
    refusedFor = null;
    for (const claimed of outcome.value) options.onClaimed(claimed, sentAt);
  };

  const pause = async () => {
    if (wanted || stopping.aborted) return;
    wake = new AbortController();
    await systemClock.sleep(jittered(pollMs), AbortSignal.any([wake.signal, stopping])).catch(() => {});
  };

  const loop = async () => {
    while (!stopping.aborted) {
      wanted = false;
      const free = options.freeLanes();
      try {
        if (free > 0) await look(free);
      } catch (error) {
        // The database may be away for a while, and a bug here must not end the worker's only loop.
        const level = error instanceof DatabaseUnavailable ? "warn" : "error";
        telemetry.log[level]({ err: error }, "could not look for work");
        wanted = false;
      }
      await pause();
    }
  };

  return {
    wake: () => {
      wanted = true;
      wake.abort();
    },
    done: loop(),
  };
}
