import { createHash, randomBytes } from "node:crypto";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { newId, type BootId, type SessionId, type WorkerId } from "@open-cowork/contracts/ids";
import { leaseTimings } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import type { Actor } from "../database/in-org.ts";
import { ensureFirstOwner } from "../identity/ensure-first-owner.ts";
import { claimWork, type ClaimRequest } from "../worker-api/claim-work.ts";
import type { Claimed } from "../worker-api/lease.ts";
import { ensureWorker } from "../workers/ensure-worker.ts";
import { openSession } from "./open-session.ts";
import { createTestDatabase, type TestDatabase } from "./test-database.ts";

export interface TestWorker {
  workerId: WorkerId;
  credential: string;
  bootId: BootId;
}

/** A plane with an owner and workers, and short words for what suites do in it. */
export interface World extends TestDatabase {
  actor: Actor;
  enrol(name: string): Promise<TestWorker>;
  /** A session with one waiting prompt. */
  wish(text?: string): Promise<SessionId>;
  enqueue(sessionId: SessionId, text: string): Promise<void>;
  request(worker: TestWorker, change?: Partial<ClaimRequest>): ClaimRequest;
  claimAll(worker: TestWorker, limit?: number): Promise<Claimed[]>;
  claimOne(worker: TestWorker): Promise<Claimed>;
  audit(): Promise<Array<{ action: string; reason: string | null; subject: unknown }>>;
}

export async function createWorld(): Promise<World> {
  const test = await createTestDatabase();
  const { orgId, userId, poolId } = await ensureFirstOwner(test.owner.db, {
    email: "ada@example.org",
    displayName: "Ada",
    orgName: "Example",
  });
  const actor: Actor = { orgId, userId };
  const request = (worker: TestWorker, change: Partial<ClaimRequest> = {}): ClaimRequest => ({
    credential: worker.credential,
    bootId: worker.bootId,
    requestSecret: randomBytes(32).toString("hex"),
    limit: 1,
    ttlMs: leaseTimings.ttlMs,
    ...change,
  });
  const claimAll = async (worker: TestWorker, limit = 10): Promise<Claimed[]> => {
    const outcome = await claimWork(test.as.worker.db, request(worker, { limit }));
    if (!outcome.ok) throw new Error(`the claim was refused: ${outcome.reason}`);
    return outcome.value;
  };
  return {
    ...test,
    actor,
    request,
    claimAll,
    claimOne: async (worker) => {
      const [claimed] = await claimAll(worker, 1);
      if (!claimed) throw new Error("there was nothing to claim");
      return claimed;
    },
    enrol: async (name) => {
      const credential = `cww_${randomBytes(32).toString("base64url")}`;
      const credentialHash = createHash("sha256").update(credential).digest("hex");
      const workerId = await ensureWorker(test.owner.db, { poolId, name, credentialHash, validDays: 1 });
      return { workerId, credential, bootId: newId() };
    },
    wish: async (text = "Say hello") => (await openSession(test.as.web.db, actor, { prompt: text })).sessionId,
    enqueue: async (sessionId, text) => {
      const outcome = await enqueuePrompt(test.as.web.db, actor, sessionId, { text, traceparent: null });
      if (!outcome.ok) throw new Error(`the prompt was refused: ${outcome.reason}`);
    },
    audit: async () => {
      const { rows } = await sql<{ action: string; reason: string | null; subject: unknown }>`
        select action, reason, subject from cowork.audit order by audit_id`.execute(test.owner.db);
      return rows;
    },
  };
}

/** Runtime events as OpenCode makes them, for one message with one text part. */
export const said = {
  message: (id: string): RuntimeEvent => ({
    type: "message.updated",
    payload: { info: { id, sessionID: "ses_test", role: "assistant" } },
  }),
  part: (message: string, id: string, text: string, end?: number): RuntimeEvent => ({
    type: "message.part.updated",
    payload: {
      part: {
        id,
        messageID: message,
        sessionID: "ses_test",
        type: "text",
        text,
        time: { start: 1, ...(end ? { end } : {}) },
      },
    },
  }),
  delta: (message: string, id: string, offset: number, text: string): RuntimeEvent => ({
    type: "message.part.delta",
    payload: { messageID: message, partID: id, field: "text", offset, text },
  }),
};
