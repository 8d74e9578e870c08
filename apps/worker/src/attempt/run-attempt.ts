import { systemClock } from "@open-cowork/contracts/clock";
import type { Decided } from "@open-cowork/contracts/decisions";
import { ProfilePolicy } from "@open-cowork/contracts/profile-policy";
import type { Database } from "@open-cowork/store/database/open";
import { DatabaseUnavailable } from "@open-cowork/store/database/unavailable";
import { appendEvents } from "@open-cowork/store/worker-api/append-events";
import { finishWork, type AttemptOutcome } from "@open-cowork/store/worker-api/finish-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import { renewLeases } from "@open-cowork/store/worker-api/renew-leases";
import type { ActiveSpan, Telemetry } from "@open-cowork/telemetry/set-up";
import { ConversationUnusable } from "../runtime/conversation-unusable.ts";
import { EngineStartFailed } from "../runtime/engine-process.ts";
import type { Permissions } from "../runtime/permissions.ts";
import { permissionsOf } from "../runtime/policy.ts";
import type { Runtime } from "../runtime/runtime.ts";
import type { TurnEnd } from "../runtime/turn-tracker.ts";
import type { RuntimeOrigin, RuntimePool, RuntimeWish } from "../lanes/runtime-pool.ts";
import { isFitAfter, outcomeOf, outcomeOfStop, type StopCause } from "./attempt-outcome.ts";
import { createEventWriter, type EventWriter } from "./event-writer.ts";
import { keepLease, LeaseLost, type LeaseKeeper, type LeaseTimes } from "./lease-keeper.ts";

export interface AttemptTools {
  database: Database;
  telemetry: Telemetry;
  pool: RuntimePool;
  lease: LeaseTimes;
  silentMs: number;
  /** The most that any profile can let an agent do here. */
  permitted: Permissions;
  /** Aborts when running turns have to be given back. */
  draining: AbortSignal;
}

/** One lease from claim to finish. Never throws: what becomes of one attempt is no other lane's business. */
export interface Attempt {
  readonly claimed: Claimed;
  readonly done: Promise<void>;
  /** A signal may wait for this lease. */
  renewNow(): void;
}

export function startAttempt(claimed: Claimed, claimedAt: number, tools: AttemptTools): Attempt {
  const { database, telemetry } = tools;
  const { workId, sessionId, attempt } = claimed.lease;
  const log = telemetry.log.child({ workId, sessionId, attempt });
  const stop = new StopSwitch(tools.draining);
  const keeper = keepLease({
    claimedAt,
    times: tools.lease,
    clock: systemClock,
    renew: async () => (await renewLeases(database.db, { leases: [claimed.lease], ttlMs: tools.lease.ttlMs }))[0]!,
    onSignal: (signal) => {
      if (signal.kind === "stop") stop.byPerson();
      else if (signal.kind === "decision") steps.decided(signal.payload);
    },
    onTrouble: (error) => log.warn({ err: error }, "the lease could not be renewed; trying again"),
  });
  telemetry.observe("cowork_claim_wait_seconds", claimed.waitMs / 1000, {});

  const steps = new AttemptSteps(claimed, claimedAt, tools, keeper, stop, log);
  const attributes = { "work.id": workId, "session.id": sessionId, attempt };
  const done = telemetry
    .span("attempt", { parent: claimed.traceparent, attributes }, async (span) => {
      const outcome = await steps.run(span);
      span.set("outcome", outcome);
      const seconds = (systemClock.monotonicMs() - claimedAt) / 1000;
      telemetry.observe("cowork_attempt_seconds", seconds, { outcome });
      log.info({ outcome, seconds }, "attempt ended");
    })
    .catch((error: unknown) => log.error({ err: error }, "an attempt broke"))
    .finally(() => keeper.release());
  return { claimed, done, renewNow: keeper.renewNow };
}

/** Who wants this turn to end early. A person's word counts more than a drain: the work must not be done again. */
class StopSwitch {
  readonly signal: AbortSignal;
  readonly #person = new AbortController();
  readonly #draining: AbortSignal;

  constructor(draining: AbortSignal) {
    this.#draining = draining;
    this.signal = AbortSignal.any([draining, this.#person.signal]);
  }

  get cause(): StopCause | null {
    if (this.#person.signal.aborted) return "person";
    return this.#draining.aborted ? "drain" : null;
  }

  byPerson(): void {
    this.#person.abort(new Error("stopped by a person"));
  }
}

class AttemptSteps {
  readonly #claimed: Claimed;
  readonly #claimedAt: number;
  readonly #tools: AttemptTools;
  readonly #keeper: LeaseKeeper;
  readonly #stop: StopSwitch;
  readonly #log: Telemetry["log"];
  /** OpenCode's id of the conversation, once there is one. */
  #conversation: string | undefined;
  #runtime: Runtime | null = null;
  #origin: RuntimeOrigin = "cold";

  constructor(
    claimed: Claimed,
    claimedAt: number,
    tools: AttemptTools,
    keeper: LeaseKeeper,
    stop: StopSwitch,
    log: Telemetry["log"],
  ) {
    this.#claimed = claimed;
    this.#claimedAt = claimedAt;
    this.#tools = tools;
    this.#keeper = keeper;
    this.#stop = stop;
    this.#log = log;
  }

  /** What became of something that the agent asked. */
  decided(decided: Decided): void {
    this.#runtime?.decide(decided);
  }

  /** restore → start runtime → submit → stream → finish; returns the label of what it came to. */
  async run(span: ActiveSpan): Promise<string> {
    const writer = this.#writer();
    try {
      const outcome = await this.#workUntilEnd(writer);
      await this.#tools.telemetry.span("finish", {}, () => writer.finish(outcome));
      this.#tools.database.notify("events", this.#claimed.lease.sessionId);
      this.#tools.database.notify("ready");
      return outcome.kind;
    } catch (error) {
      const lost = this.#keeper.lost.aborted ? (this.#keeper.lost.reason as LeaseLost) : error;
      if (!(lost instanceof LeaseLost)) {
        // A bug. What this attempt still has under way must not outlive it.
        this.#keeper.lose("internal");
        throw error;
      }
      span.fail(lost.message);
      this.#log.warn({ reason: lost.reason }, "the lease is lost: nothing more is written for it");
      return "lost";
    }
  }

  async #workUntilEnd(writer: EventWriter): Promise<AttemptOutcome> {
    const { pool } = this.#tools;
    const { sessionId } = this.#claimed.lease;
    const policy = ProfilePolicy.safeParse(this.#claimed.policy ?? {});
    if (!policy.success) {
      this.#log.error({ err: policy.error }, "the session's profile has a policy that can't be read");
      return { kind: "failed", reason: "profile_invalid" };
    }
    let runtime: Runtime | null = null;
    let fit = false;
    const abandon = () => void pool.abandon(sessionId);
    try {
      runtime = this.#runtime = await this.#startRuntime(policy.data);
      this.#keeper.lost.throwIfAborted();
      // At once, and not when the turn has ended in good order: the next owner may be starting already.
      this.#keeper.lost.addEventListener("abort", abandon);
      this.#conversation = runtime.runtimeSessionId;
      if (this.#conversation !== this.#claimed.runtimeSessionId) await writer.open();
      const end = await this.#turn(runtime, policy.data, writer);
      this.#keeper.lost.throwIfAborted();
      fit = isFitAfter(end);
      if (end.kind === "failed" && end.reason === "unrecorded_reply")
        this.#log.error(
          { security: true, detail: end.message },
          "an ask was answered past the plane; the turn was ended",
        );
      else if (end.kind === "failed")
        this.#log.warn({ reason: end.reason, detail: end.message, output: runtime.output() }, "the turn failed");
      return outcomeOf(end, this.#stop.cause);
    } catch (error) {
      this.#keeper.lost.throwIfAborted();
      if (!(error instanceof EngineStartFailed)) throw error;
      if (this.#stop.cause !== null) return outcomeOfStop(this.#stop.cause);
      this.#log.error({ err: error, output: error.detail }, "OpenCode did not start");
      return { kind: "failed", reason: "runtime_start_failed" };
    } finally {
      // From here on the process may be somebody else's.
      this.#keeper.lost.removeEventListener("abort", abandon);
      // Before the finish is written: whoever claims this session next must not meet a process that still runs.
      if (runtime) await pool.giveBack(sessionId, fit && !this.#keeper.lost.aborted);
    }
  }

  /**
   * Where OpenCode can't go on with its conversation, every later attempt would fail at the same place; so the session
   * gets a new one, which remembers nothing but finds the session's files.
   */
  async #startRuntime(policy: ProfilePolicy): Promise<Runtime> {
    const { lease, runtimeSessionId } = this.#claimed;
    const permissions = permissionsOf(policy, this.#tools.permitted);
    const signal = AbortSignal.any([this.#keeper.lost, this.#stop.signal]);
    return this.#tools.telemetry.span("start-runtime", {}, async (span) => {
      try {
        return await this.#takeInOrder({ sessionId: lease.sessionId, runtimeSessionId, permissions }, signal, span);
      } catch (error) {
        if (signal.aborted || !(error instanceof ConversationUnusable)) throw error;
        this.#log.warn({ err: error }, "the session goes on in a new conversation; the old one is kept in state-aside");
        await this.#tools.pool.putAside(lease.sessionId, signal);
        return this.#takeInOrder({ sessionId: lease.sessionId, runtimeSessionId: null, permissions }, signal, span);
      }
    });
  }

  async #takeInOrder(wish: RuntimeWish, signal: AbortSignal, span: ActiveSpan): Promise<Runtime> {
    const { pool } = this.#tools;
    const { lease, commandId } = this.#claimed;
    const { runtime, origin } = await pool.take(wish, signal);
    span.set("runtime", origin);
    this.#origin = origin;
    // OpenCode may take its time to put things in order; who must leave does not wait for it.
    const abandon = () => void pool.abandon(lease.sessionId);
    signal.addEventListener("abort", abandon);
    try {
      if (await runtime.clearLeftovers(commandId)) this.#log.info("an interrupted turn was taken back");
      return runtime;
    } catch (error) {
      const output = runtime.output();
      await pool.giveBack(lease.sessionId, false);
      if (error instanceof EngineStartFailed) throw error;
      throw new EngineStartFailed(
        "OpenCode ended or fell silent while its conversation was put in order",
        output,
        error,
      );
    } finally {
      signal.removeEventListener("abort", abandon);
    }
  }

  #turn(runtime: Runtime, policy: ProfilePolicy, writer: EventWriter): Promise<TurnEnd> {
    const { commandId, text } = this.#claimed;
    return this.#tools.telemetry.span("turn", {}, async (span) => {
      const end = await runtime.turn({
        commandId,
        text,
        waitMs: policy.decisionWaitMs,
        silentMs: this.#tools.silentMs,
        stop: AbortSignal.any([this.#keeper.lost, this.#stop.signal]),
        onAccepted: () => {
          const seconds = (systemClock.monotonicMs() - this.#claimedAt) / 1000;
          this.#tools.telemetry.observe("cowork_prompt_accept_seconds", seconds, { runtime: this.#origin });
          span.set("accepted_ms", seconds * 1000);
        },
        onEvents: (events) => writer.write(events),
      });
      span.set("end", end.kind);
      if (end.kind === "failed") span.fail(end.reason);
      return end;
    });
  }

  #writer(): EventWriter {
    const { database, telemetry } = this.#tools;
    const { lease } = this.#claimed;
    return createEventWriter({
      firstBatch: this.#claimed.nextBatch,
      keeper: this.#keeper,
      append: (batchNo, events, sinceMs) =>
        telemetry.span("append", { attributes: { waited_ms: sinceMs } }, async (span) => {
          const from = systemClock.monotonicMs();
          const runtimeSessionId = this.#conversation;
          const [outcome] = await appendEvents(database.db, [{ lease, batchNo, events, runtimeSessionId }]);
          database.notify("events", lease.sessionId);
          if (outcome!.ok) span.set("through", outcome!.value.through);
          telemetry.observe("cowork_event_append_seconds", (systemClock.monotonicMs() - from + sinceMs) / 1000, {});
          return outcome!;
        }),
      finish: (batchNo, events, outcome) => finishWork(database.db, { lease, batchNo, events, outcome }),
      mayRetry: (error) => error instanceof DatabaseUnavailable,
      onAppended: (events) => telemetry.count("cowork_events_appended_total", {}, events),
      onRefused: (reason) => telemetry.count("cowork_refusals_total", { reason }),
      onBug: (error) => this.#log.error({ err: error }, "events could not be appended"),
    });
  }
}
