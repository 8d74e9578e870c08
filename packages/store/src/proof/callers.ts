import type { WorkerStatus } from "@open-cowork/contracts/lifecycles";
import type { Outcome } from "@open-cowork/contracts/outcome";
import type { Batch, Call } from "./calls.ts";
import type { Model, Shape } from "./model.ts";
import { eventsOf } from "./said.ts";
import type { End, Given } from "./worker-verbs.ts";

/** Two tenants, one with a window of one or two; five sessions; two workers, one of them with two processes, and a spare. */
export const shapeOf = (first: number): Shape => ({
  tenants: [
    { concurrent: 1 + (first & 1), depth: 4, weight: 1 },
    { concurrent: 2, depth: 6, weight: 2 },
  ],
  lanes: [0, 0, 0, 1, 1],
  boots: [0, 0, 1, 2],
});
/** Takes part in the healing only, so that no schedule can have revoked it. */
export const spareBoot = 3;

/** Weights by kind; the simplest first, because a failing schedule is shrunk towards it. */
const weights = {
  rest: 4,
  enqueue: 44,
  claim: 40,
  append: 40,
  finish: 32,
  advance: 20,
  renew: 16,
  crash: 14,
  late: 14,
  recover: 10,
  move: 10,
  claimAgain: 8,
  appendAgain: 8,
  finishAgain: 8,
  stop: 8,
  promote: 8,
  heartbeat: 8,
  checkpoint: 6,
  retry: 6,
  settle: 4,
  signals: 4,
  look: 8,
  drop: 2,
} as const;

type Kind = keyof typeof weights;
const kinds = (Object.keys(weights) as Kind[]).flatMap((kind) => Array.from({ length: weights[kind] }, () => kind));

/** None of their sums comes near to a deadline of the protocol (ttlMs, the pauses, 0.5 s, 10 s). */
const steps = [300, 600, 900, 5_100, 9_900, 15_300, 30_600] as const;
const afterTtlMs = 15_300;

const ends: readonly End[] = [
  { outcome: "succeeded", reason: null },
  { outcome: "failed", reason: "runtime_lost" },
  { outcome: "failed", reason: "runtime_error" },
  { outcome: "released", reason: "worker_draining" },
  { outcome: "cancelled", reason: "stopped_by_person" },
  { outcome: "failed", reason: "provider_unavailable" },
  { outcome: "failed", reason: "worker_draining" },
  { outcome: "succeeded", reason: null },
];
const states: readonly WorkerStatus[] = [
  "active",
  "paused",
  "draining",
  "active",
  "unhealthy",
  "active",
  "revoked",
  "retired",
];

interface Handle {
  token: string;
  work: number;
  attempt: number;
  boot: number;
  nextBatch: number;
  /** Sent, and its answer lost: to be repeated before anything else. */
  pending: Batch | null;
  sent: Batch | null;
  finish: Extract<Call, { verb: "finish" }> | null;
  /** It heard that its lease is over. */
  over: boolean;
}

/**
 * The people and processes around the plane, who know only what they were told: answers get lost, and then the caller
 * repeats; leases get lost, and then its holder writes on, late.
 */
export class Callers {
  readonly #model: Model;
  readonly #handles: Handle[] = [];
  readonly #requests: Array<{ call: Extract<Call, { verb: "claim" }>; heard: boolean } | undefined> = [];
  #count = 0;

  constructor(model: Model) {
    this.#model = model;
  }

  /** What one number of a schedule makes them do. Each call says whether its answer arrives. */
  plan(number: number): Array<{ call: Call; lost: boolean }> {
    const kind = kinds[Math.floor((number / 2 ** 32) * kinds.length)]!;
    const [a, b, c] = [(number >>> 12) & 0x3f, (number >>> 6) & 0x3f, number & 0x3f];
    const lost = c % 4 === 3;
    const calls = this.#callsOf(kind, a, b, c);
    return calls.map((call) => ({ call, lost }));
  }

  #callsOf(kind: Kind, a: number, b: number, c: number): Call[] {
    const m = this.#model;
    switch (kind) {
      case "rest":
        return [];
      case "enqueue":
        return [{ verb: "enqueue", lane: a % m.lanes.length, text: `prompt ${m.work.length}` }];
      case "claim":
        return [this.#claim(a % spareBoot, 1 + (b % 3))];
      case "claimAgain":
        return this.#requests[a % spareBoot] ? [this.#requests[a % spareBoot]!.call] : [];
      case "crash":
        return [this.#claim(a % spareBoot, 1 + (b % 3)), { verb: "advance", ms: afterTtlMs }, { verb: "recover" }];
      case "renew": {
        const tokens = this.#handles.filter((one) => one.boot === a % spareBoot && !one.over).map((one) => one.token);
        return tokens.length > 0 ? [{ verb: "renew", tokens }] : [];
      }
      case "append":
        return this.#append(a, b, c);
      case "appendAgain": {
        const sent = this.#pick(a, (one) => one.sent !== null && !one.over)?.sent;
        return sent ? [{ verb: "append", batches: [sent] }] : [];
      }
      case "finish":
        return this.#finish(
          this.#pick(a, (one) => !one.over),
          b,
          c,
        );
      case "finishAgain": {
        const finish = this.#pick(a, (one) => one.finish !== null)?.finish;
        return finish ? [finish] : [];
      }
      case "late":
        return this.#late(a, b, c);
      case "signals":
      case "checkpoint": {
        const handle = this.#pick(a, (one) => !one.over);
        return handle ? [{ verb: kind, token: handle.token }] : [];
      }
      case "stop":
      case "look":
        return [{ verb: kind, lane: a % m.lanes.length }];
      case "advance":
        return [{ verb: "advance", ms: steps[a % steps.length]! }];
      case "recover":
      case "promote":
      case "settle":
        return [{ verb: kind }];
      case "move":
        return [{ verb: "move", worker: a % 2, to: states[b % states.length]! }];
      case "heartbeat": {
        const boot = a % spareBoot;
        const seq = (m.boots[boot]!.heartbeat?.seq ?? 0) + (b % 5 === 4 ? 0 : 1);
        return [{ verb: "heartbeat", boot, seq: Math.max(seq, 1), draining: c % 8 === 7 }];
      }
      case "retry":
      case "drop": {
        if (m.work.length === 0) return [];
        const work = m.dead.length > 0 && b % 8 !== 7 ? m.dead[a % m.dead.length]! : a % m.work.length;
        return [kind === "drop" ? { verb: kind, work } : { verb: kind, work, text: b % 2 ? `edited ${work}` : null }];
      }
    }
  }

  /** The newest few that fit: older ones add nothing that these do not show. */
  #pick(a: number, fits: (handle: Handle) => boolean): Handle | undefined {
    const fitting = this.#handles.filter(fits).slice(-8);
    return fitting[a % Math.max(fitting.length, 1)];
  }

  #claim(boot: number, limit: number): Call {
    const before = this.#requests[boot];
    if (before && !before.heard) return before.call;
    this.#count += 1;
    return { verb: "claim", boot, request: `request-${this.#count}`, limit };
  }

  #append(a: number, b: number, c: number): Call[] {
    const first = this.#pick(a, (one) => !one.over);
    if (!first) return [];
    const handles = [first];
    const other = c % 8 === 5 ? this.#pick(a + 1, () => true) : undefined;
    if (other && other !== first) handles.push(other);
    // Now and then a batch is skipped, as if it had been lost before it was sent.
    const gap = c % 16 === 9 ? 1 : 0;
    return [
      {
        verb: "append",
        batches: handles.map(
          (one) => one.pending ?? { token: one.token, batch: one.nextBatch + gap, events: eventsOf(one, b) },
        ),
      },
    ];
  }

  #finish(handle: Handle | undefined, b: number, c: number): Call[] {
    if (!handle) return [];
    if (handle.pending) return [{ verb: "append", batches: [handle.pending] }];
    // Its answer was lost: the same again.
    if (handle.finish) return [handle.finish];
    const events = eventsOf(handle, c >> 2);
    return [{ verb: "finish", token: handle.token, batch: handle.nextBatch, events, end: ends[b % ends.length]! }];
  }

  #late(a: number, b: number, c: number): Call[] {
    const handle = this.#pick(a, () => true);
    if (!handle) return [];
    const { token, nextBatch: batch } = handle;
    return [
      [{ verb: "append" as const, batches: [{ token, batch, events: eventsOf(handle, c) }] }],
      [{ verb: "finish" as const, token, batch, events: eventsOf(handle, c), end: ends[c % ends.length]! }],
      [{ verb: "renew" as const, tokens: [token] }],
      [{ verb: "signals" as const, token }],
      [{ verb: "checkpoint" as const, token }],
    ][b % 5]!;
  }

  hear(call: Call, answer: unknown, lost: boolean): void {
    if (call.verb === "claim") {
      const outcome = answer as Outcome<Given[], "worker_not_active">;
      const heard = !lost || !outcome.ok;
      this.#requests[call.boot] = { call, heard };
      if (!heard || !outcome.ok) return;
      for (const { token, work, attempt, nextBatch } of outcome.value)
        if (!this.#handles.some((one) => one.token === token))
          this.#handles.push({
            token,
            work,
            attempt,
            boot: call.boot,
            nextBatch,
            pending: null,
            sent: null,
            finish: null,
            over: false,
          });
    }
    if (call.verb === "append")
      call.batches.forEach((batch, n) =>
        this.#heardWrite(batch.token, (answer as Outcome<unknown>[])[n]!, lost, batch, null),
      );
    if (call.verb === "finish") this.#heardWrite(call.token, answer as Outcome<unknown>, lost, null, call);
    if (call.verb === "renew")
      call.tokens.forEach((token, n) => this.#heardWrite(token, (answer as Outcome<unknown>[])[n]!, lost, null, null));
  }

  #heardWrite(
    token: string,
    answer: Outcome<unknown>,
    lost: boolean,
    batch: Batch | null,
    finish: Handle["finish"],
  ): void {
    const handle = this.#handles.findLast((one) => one.token === token)!;
    if (finish) handle.finish = finish;
    if (lost) {
      if (batch && answer.ok) handle.pending = handle.sent = batch;
      return;
    }
    if (!answer.ok) {
      if (answer.reason === "stale_lease" || answer.reason === "lease_ended") handle.over = true;
      if (finish && answer.reason === "batch_out_of_order") handle.finish = null;
      return;
    }
    if (finish) handle.over = true;
    if (!batch) return;
    handle.pending = null;
    handle.sent = batch;
    handle.nextBatch = Math.max(handle.nextBatch, batch.batch + 1);
  }
}
