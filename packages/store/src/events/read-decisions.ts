import type { DecisionView } from "@open-cowork/contracts/decisions";
import type { SessionId } from "@open-cowork/contracts/ids";
import type { Tx } from "../database/in-org.ts";

/** What a session asked people, as its rows stand: the same that folding its events gives. */
export async function readDecisions(tx: Tx, sessionId: SessionId): Promise<Record<string, DecisionView>> {
  const rows = await tx
    .selectFrom("cowork.decisions as d")
    .leftJoin("cowork.users as u", "u.user_id", "d.decided_by")
    .select([
      "d.decision_id",
      "d.command_id",
      "d.attempt",
      "d.kind",
      "d.status",
      "d.request",
      "d.asked_at",
      "d.expires_at",
      "d.answers",
      "d.decided_at",
      "u.display_name",
    ])
    .where("d.session_id", "=", sessionId)
    .orderBy("d.decision_id")
    .execute();
  return Object.fromEntries(
    rows.map((row) => {
      const view = {
        decisionId: row.decision_id,
        commandId: row.command_id,
        attempt: row.attempt,
        askedAt: row.asked_at.toISOString(),
        expiresAt: row.expires_at.toISOString(),
        status: row.status,
        by: row.display_name,
        decidedAt: row.decided_at?.toISOString() ?? null,
        answers: row.answers,
        kind: row.kind,
        request: row.request,
      } as DecisionView;
      return [row.decision_id, view];
    }),
  );
}
