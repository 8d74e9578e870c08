import { systemClock } from "@open-cowork/contracts/clock";
import { doubleLeases } from "./checks.ts";
import type { Ledger } from "./ledger.ts";

const lookMs = 250;

/** Looks at the rows again and again while chaos reigns, because some violations heal before the end. */
export class Watch {
  readonly #ledger: Ledger;
  readonly #seen: Map<string, Map<number, string>>;
  readonly doubleLeases: string[] = [];

  constructor(ledger: Ledger, sessionIds: string[]) {
    this.#ledger = ledger;
    this.#seen = new Map(sessionIds.map((id) => [id, new Map<number, string>()]));
  }

  seen(sessionId: string): ReadonlyMap<number, string> {
    return this.#seen.get(sessionId)!;
  }

  async until(stop: AbortSignal): Promise<void> {
    while (!stop.aborted) {
      // A database that is down shows nothing; the next look comes soon.
      await this.#look().catch(() => {});
      await systemClock.sleep(lookMs, stop).catch(() => {});
    }
  }

  async #look(): Promise<void> {
    const [attempts, lanes] = await Promise.all([this.#ledger.attempts(), this.#ledger.lanes()]);
    this.doubleLeases.push(...doubleLeases(attempts, lanes));
    for (const [sessionId, seen] of this.#seen) {
      // Seqs are given out and committed under the lane's lock, so none below the newest can still appear.
      const newest = [...seen.keys()].at(-1) ?? 0;
      for (const { seq, type } of await this.#ledger.events(sessionId, newest)) seen.set(seq, type);
    }
  }
}
