import { newId, type SessionId } from "@open-cowork/contracts/ids";
import { limits } from "@open-cowork/contracts/timings";
import { enqueuePrompt, type Enqueued } from "../commands/enqueue-prompt.ts";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

export interface NewSession {
  title?: string | undefined;
  prompt?: string | undefined;
  traceparent: string | null;
}

export interface CreatedSession {
  sessionId: SessionId;
  command: Enqueued | null;
}

/** A session with its lane and, when given, its first prompt: all of it or nothing. */
export function createSession(db: Db, actor: Actor, wish: NewSession): Promise<CreatedSession> {
  return inOrg(db, actor, async (tx) => {
    const profile = await tx
      .selectFrom("cowork.profiles")
      .select("profile_id")
      .where("org_id", "=", actor.orgId)
      .where("name", "=", "default")
      .orderBy("version", "desc")
      .executeTakeFirstOrThrow();
    const sessionId = newId<"session">();
    await tx
      .insertInto("cowork.sessions")
      .values({
        org_id: actor.orgId,
        session_id: sessionId,
        profile_id: profile.profile_id,
        title: wish.title || titleFrom(wish.prompt),
        created_by: actor.userId,
      })
      .execute();
    await tx
      .insertInto("cowork.lanes")
      .values({ lane_id: sessionId, org_id: actor.orgId, session_id: sessionId })
      .execute();
    if (!wish.prompt) return { sessionId, command: null };
    const first = await enqueuePrompt(tx, actor, sessionId, { text: wish.prompt, traceparent: wish.traceparent });
    if (!first.ok) throw new Error(`a session made a moment ago refused its first prompt: ${first.reason}`);
    return { sessionId, command: first.value };
  });
}

/** The first line of what was asked, until somebody names it. */
function titleFrom(prompt: string | undefined): string {
  const line = prompt?.trim().split("\n")[0]!.trimEnd() ?? "";
  const title = line.length > 80 ? `${line.slice(0, 79).trimEnd()}…` : line;
  return title.slice(0, limits.titleChars) || "New session";
}
