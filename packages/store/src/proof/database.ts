import { createHash } from "node:crypto";
import type { WorkId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import { stopSession } from "../commands/stop-session.ts";
import type { Actor } from "../database/in-org.ts";
import { dropDeadLetter, retryDeadLetter } from "../dead-letters/resolve-dead-letter.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { promoteDueWork } from "../work/promote-due-work.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { claimWork } from "../worker-api/claim-work.ts";
import { finishWork, type AttemptOutcome } from "../worker-api/finish-work.ts";
import { heartbeat } from "../worker-api/heartbeat.ts";
import type { Claimed, Lease, Signal } from "../worker-api/lease.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { saveCheckpoint } from "../worker-api/save-checkpoint.ts";
import { takeSignals } from "../worker-api/take-signals.ts";
import { moveWorker } from "../workers/move-worker.ts";
import type { Call } from "./calls.ts";
import { ttlMs } from "./model.ts";
import type { Cast, Stage } from "./stage.ts";
import type { Given } from "./worker-verbs.ts";

/** The same calls through the typed wrappers, each as the role that makes it; answers come in the model's names. */
export class RealPlane {
  readonly #stage: Stage;
  readonly #cast: Cast;
  /** The model's index of a command is its place here. */
  readonly commands: string[] = [];
  readonly #leases = new Map<string, { lease: Lease; lane: number }>();
  readonly #secret = createHash("sha256");
  readonly #laneOf: (work: number) => number;
  #count = 0;

  constructor(stage: Stage, cast: Cast, laneOf: (work: number) => number) {
    this.#stage = stage;
    this.#cast = cast;
    this.#laneOf = laneOf;
    this.#secret.update(cast.actors[0]!.orgId);
  }

  async perform(call: Call): Promise<unknown> {
    const { owner, as, userId } = this.#stage;
    const { lanes, boots, workers } = this.#cast;
    switch (call.verb) {
      case "enqueue": {
        const prompt = { text: call.text, traceparent: null };
        const outcome = await enqueuePrompt(as.web.db, this.#actor(call.lane), lanes[call.lane]!, prompt);
        if (!outcome.ok) return outcome;
        const work = this.commands.push(outcome.value.commandId) - 1;
        return { ok: true, value: { work, commandSeq: outcome.value.commandSeq } };
      }
      case "claim": {
        const { bootId, credential } = boots[call.boot]!;
        const requestSecret = this.#secret.copy().update(call.request).digest("hex");
        const outcome = await claimWork(as.worker.db, { bootId, credential, requestSecret, limit: call.limit, ttlMs });
        return outcome.ok ? { ok: true, value: outcome.value.map((claimed) => this.#given(claimed)) } : outcome;
      }
      case "renew":
        return (await renewLeases(as.worker.db, { leases: call.tokens.map((token) => this.#lease(token)), ttlMs })).map(
          toStopping,
        );
      case "signals":
        return toStopping((await takeSignals(as.worker.db, [this.#lease(call.token)]))[0]!);
      case "append":
        return appendEvents(
          as.worker.db,
          call.batches.map(({ token, batch, events }) => ({ lease: this.#lease(token), batchNo: batch, events })),
        );
      case "finish": {
        const { outcome: kind, reason } = call.end;
        const outcome = (kind === "succeeded" ? { kind } : { kind, reason }) as AttemptOutcome;
        return finishWork(as.worker.db, {
          lease: this.#lease(call.token),
          batchNo: call.batch,
          events: call.events,
          outcome,
        });
      }
      case "checkpoint": {
        const { lease, lane } = this.#leases.get(call.token)!;
        const manifestSha256 = this.#secret
          .copy()
          .update(`${call.token} ${this.#count++}`)
          .digest("hex");
        return saveCheckpoint(as.worker.db, lease, {
          schemaVersion: 1,
          manifestKey: `orgs/${this.#actor(lane).orgId}/sessions/${lease.sessionId}/checkpoints/${manifestSha256}`,
          manifestSha256,
          sizeBytes: 1,
          packs: [],
        });
      }
      case "stop":
        return stopSession(as.web.db, this.#actor(call.lane), lanes[call.lane]!);
      case "recover":
        return (await recoverExpiredLeases(as.scheduler.db, 100)).map(({ sessionId, decision }) => ({
          lane: (lanes as string[]).indexOf(sessionId!),
          decision,
        }));
      case "promote":
        return (await promoteDueWork(as.scheduler.db, 1_000)).promoted;
      case "settle":
        return settleReadyWork(as.scheduler.db, 1_000);
      case "advance":
        await sql.raw(`update proof.base set at = at + interval '${call.ms} milliseconds'`).execute(owner.db);
        return undefined;
      case "move":
        return moveWorker(as.web.db, userId, workers[call.worker]!, call.to);
      case "heartbeat": {
        const { workerId, credential, bootId } = boots[call.boot]!;
        const load = { lanes: 1, busy: 0 };
        const report = { versions: {}, capabilities: [], load, activeWorkIds: [], lastError: null };
        return heartbeat(as.worker.db, {
          workerId,
          credential,
          body: { ...report, bootId, seq: call.seq, draining: call.draining },
        });
      }
      case "retry":
        return retryDeadLetter(
          as.web.db,
          this.#actor(this.#laneOf(call.work)),
          await this.#workId(call.work),
          call.text,
        );
      case "drop":
        return dropDeadLetter(as.web.db, this.#actor(this.#laneOf(call.work)), await this.#workId(call.work));
      case "look":
        return undefined;
    }
  }

  #actor(lane: number): Actor {
    return this.#cast.actors[this.#cast.tenants[lane]!]!;
  }

  #lease(token: string): Lease {
    return this.#leases.get(token)!.lease;
  }

  #given({ lease, commandId, nextBatch, text }: Claimed): Given {
    const work = this.commands.indexOf(commandId);
    const token = `token-${work}-${lease.attempt}`;
    this.#leases.set(token, { lease, lane: (this.#cast.lanes as string[]).indexOf(lease.sessionId) });
    return { work, attempt: lease.attempt, token, nextBatch, text };
  }

  async #workId(work: number): Promise<WorkId> {
    const { rows } = await sql<{ work_id: WorkId }>`
      select work_id from cowork.work where command_id = ${this.commands[work]}`.execute(this.#stage.owner.db);
    return rows[0]!.work_id;
  }
}

function toStopping(outcome: { ok: true; value: { signals: Signal[] } } | { ok: false; reason: string }) {
  return outcome.ok ? { ok: true, value: { stopping: outcome.value.signals.length > 0 } } : outcome;
}
