import type { DecisionAnswer } from "@open-cowork/contracts/http";
import type { DecisionId, SessionId } from "@open-cowork/contracts/ids";
import type { DecisionStatus } from "@open-cowork/contracts/lifecycles";
import type { Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";
import { toOutcome, type VerbRow } from "../database/verb-row.ts";

type Refusal = "decision_unknown" | "forbidden" | "decision_answer_misfit" | "decision_expired" | "decision_not_open";

/** Records what a person decided; the holder of the lease hears of it by a signal. Repeatable by the same person. */
export async function decide(
  db: Db,
  actor: Actor,
  sessionId: SessionId,
  decisionId: DecisionId,
  wish: DecisionAnswer,
): Promise<Outcome<{ status: DecisionStatus }, Refusal>> {
  const status = "answers" in wish ? "answered" : wish.answer === "approve" ? "approved" : "refused";
  const answers = "answers" in wish ? wish.answers : null;
  const { rows } = await sql<VerbRow<{ status: DecisionStatus }>>`select * from internal.decide(${actor.orgId},
    ${actor.userId}, ${sessionId}, ${decisionId}, ${status}, ${answers}::jsonb)`.execute(db);
  return toOutcome(rows[0]);
}
