import type { PermissionRequest, QuestionRequest, SessionEvent } from "./events.ts";
import type { DecisionStatus } from "./lifecycles.ts";

/** One approval or question as people see it: what exactly was asked, and what became of it. */
export type DecisionView = {
  decisionId: string;
  commandId: string | null;
  attempt: number | null;
  askedAt: string;
  expiresAt: string;
  status: DecisionStatus;
  /** Who decided; null while it is open, and where nobody did. */
  by: string | null;
  decidedAt: string | null;
  answers: string[][] | null;
} & ({ kind: "approval"; request: PermissionRequest } | { kind: "question"; request: QuestionRequest });

/** What the holder of the lease is told became of an ask; told again until the runtime's reply is appended. */
export interface Decided {
  decisionId: string;
  /** Of the request that whoever decided was shown. */
  requestHash: string;
  status: Exclude<DecisionStatus, "open" | "withdrawn">;
  answers: string[][] | null;
}

type Asked = Extract<SessionEvent, { type: "permission.asked" | "question.asked" }>;
type Made = Extract<SessionEvent, { type: "decision.made" }>;
type Ended = Extract<SessionEvent, { type: "attempt.lost" | "command.finished" }>;

export function opened(event: Asked): DecisionView {
  const { decision, ...request } = event.payload;
  return {
    decisionId: decision.decisionId,
    commandId: event.commandId,
    attempt: event.attempt,
    askedAt: event.at,
    expiresAt: new Date(Date.parse(event.at) + decision.waitMs).toISOString(),
    status: "open",
    by: null,
    decidedAt: null,
    answers: null,
    ...(event.type === "permission.asked"
      ? { kind: "approval", request: request as PermissionRequest }
      : { kind: "question", request: request as QuestionRequest }),
  };
}

export function decided(decision: DecisionView, { payload, at }: Made): DecisionView {
  return { ...decision, status: payload.status, by: payload.by, answers: payload.answers, decidedAt: at };
}

/** What the ended attempt asked is open no more; nobody has to say so for each. */
export function withdrawn(
  decisions: Record<string, DecisionView>,
  { payload, at }: Ended,
): Record<string, DecisionView> {
  const open = Object.values(decisions).filter(
    ({ status, commandId, attempt }) =>
      status === "open" && commandId === payload.commandId && attempt === payload.attempt,
  );
  if (open.length === 0) return decisions;
  const moved = open.map((decision) => [decision.decisionId, { ...decision, status: "withdrawn", decidedAt: at }]);
  return { ...decisions, ...(Object.fromEntries(moved) as Record<string, DecisionView>) };
}
