import { newId, type CommandId, type SessionId } from "@open-cowork/contracts/ids";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

export interface Enqueued {
  commandId: CommandId;
  commandSeq: number;
}

export interface Prompt {
  text: string;
  traceparent: string | null;
}

type Refusal = "not_found" | "session_not_open" | "queue_full" | "quota_exceeded";

/** Makes a prompt durable: when this resolves, the wish survives anything. `db` may be a transaction that already runs. */
export async function enqueuePrompt(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
  prompt: Prompt,
): Promise<Outcome<Enqueued, Refusal>> {
  const { rows } = await sql<VerbRow<Enqueued>>`select * from internal.enqueue_prompt(${actor.orgId}, ${actor.userId},
    ${sessionId}, ${newId<"command">()}, ${newId<"work">()}, ${prompt.text}, ${prompt.traceparent},
    ${limits.waitingPromptsPerSession}::int)`.execute(db);
  return toOutcome(rows[0]);
}
