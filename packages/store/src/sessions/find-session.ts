import type { SessionSummary } from "@open-cowork/contracts/http";
import type { SessionId } from "@open-cowork/contracts/ids";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { selectSummaries, toSummary } from "./summary.ts";

export function findSession(db: Db, actor: Actor, sessionId: SessionId): Promise<SessionSummary | null> {
  return inOrg(db, actor, async (tx) => {
    const row = await selectSummaries(tx, actor).where("s.session_id", "=", sessionId).executeTakeFirst();
    return row ? toSummary(row) : null;
  });
}
