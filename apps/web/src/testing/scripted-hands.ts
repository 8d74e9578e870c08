import type { RuntimeEvent } from "@open-cowork/contracts/events";
import type { SessionId } from "@open-cowork/contracts/ids";
import { appendEvents } from "@open-cowork/store/worker-api/append-events";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import { finishWork, type AttemptOutcome } from "@open-cowork/store/worker-api/finish-work";
import type { WebWorld } from "./web-world.ts";

/** Claims the waiting work and writes what a test says, through the verbs of a real worker. */
export interface Hands {
  sessionId: SessionId;
  append(...events: RuntimeEvent[]): Promise<void>;
  finish(outcome: AttemptOutcome, ...events: RuntimeEvent[]): Promise<void>;
}

export async function takeWork(world: WebWorld): Promise<Hands> {
  // Nobody renews it, and a busy machine may take its time.
  const request = world.request(await world.enrol("hands"), { ttlMs: 60_000 });
  const claimed = await claimWork(world.as.worker.db, request);
  const { lease, nextBatch } = claimed.ok ? claimed.value[0]! : nothing(claimed.reason);
  const { db, notify } = world.as.worker;
  let batchNo = nextBatch;
  const mustHold = (outcome: { ok: boolean; reason?: string } | undefined) => {
    if (!outcome?.ok) throw new Error(`the write was refused: ${outcome?.reason}`);
    notify("events", lease.sessionId);
  };
  return {
    sessionId: lease.sessionId,
    append: async (...events) => mustHold((await appendEvents(db, [{ lease, batchNo: batchNo++, events }]))[0]),
    finish: async (outcome, ...events) =>
      mustHold(await finishWork(db, { lease, batchNo: batchNo++, events, outcome })),
  };
}

function nothing(reason: string): never {
  throw new Error(`the claim was refused: ${reason}`);
}

export function toolCall(message: string, id: string, state: Record<string, unknown>): RuntimeEvent {
  return {
    type: "message.part.updated",
    payload: { part: { id, messageID: message, sessionID: "ses_test", type: "tool", tool: "bash", state } },
  };
}
