import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { createSession, type CreatedSession } from "../sessions/create-session.ts";

/** A session that must come about. */
export async function openSession(
  db: Db,
  actor: Actor,
  wish: { title?: string; prompt?: string | undefined; profile?: string } = {},
): Promise<CreatedSession> {
  const created = await createSession(db, actor, { ...wish, traceparent: null });
  if (!created.ok) throw new Error(`the session was refused: ${created.reason}`);
  return created.value;
}
