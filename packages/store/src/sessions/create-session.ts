import { newId, type SessionId } from "@open-cowork/contracts/ids";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import type { Enqueued } from "../commands/enqueue-prompt.ts";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

export interface NewSession {
  title?: string | undefined;
  prompt?: string | undefined;
  /** By name; the session keeps the newest version of this moment. */
  profile?: string | undefined;
  traceparent: string | null;
}

export interface CreatedSession {
  sessionId: SessionId;
  command: Enqueued | null;
}

/** A session with its lane and, when given, its first prompt: all of it or nothing. `db` may be a transaction. */
export async function createSession(
  db: Db,
  actor: Actor,
  wish: NewSession,
): Promise<Outcome<CreatedSession, "quota_exceeded" | "profile_unknown">> {
  const { title, prompt, profile = "default", traceparent } = wish;
  const { rows } = await sql<
    VerbRow<CreatedSession>
  >`select * from internal.create_session(${actor.orgId}, ${actor.userId},
    ${newId<"session">()}, ${title || titleFrom(prompt)}, ${newId<"command">()}, ${newId<"work">()}, ${prompt || null},
    ${traceparent}, ${limits.waitingPromptsPerSession}::int, ${profile})`.execute(db);
  return toOutcome(rows[0]);
}

/** The first line of what was asked, until somebody names it. */
function titleFrom(prompt: string | undefined): string {
  const line = prompt?.trim().split("\n")[0]!.trimEnd() ?? "";
  const title = line.length > 80 ? `${line.slice(0, 79).trimEnd()}…` : line;
  return title.slice(0, limits.titleChars) || "New session";
}
