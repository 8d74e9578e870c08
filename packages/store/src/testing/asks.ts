import { createHash } from "node:crypto";
import type { PermissionRequest, QuestionRequest, RuntimeEvent } from "@open-cowork/contracts/events";
import { newId, type DecisionId } from "@open-cowork/contracts/ids";
import { decisionWait } from "@open-cowork/contracts/timings";

/** What an agent asks, as a worker hands it on. */
export interface Asked {
  decisionId: DecisionId;
  event: RuntimeEvent;
  /** The runtime says that it has taken the decision. */
  applied: RuntimeEvent;
}

const terms = (request: object, waitMs: number) => ({
  decisionId: newId<"decision">(),
  waitMs,
  requestHash: createHash("sha256").update(JSON.stringify(request)).digest("hex"),
});
const tool = { messageID: "msg_1", callID: "call_1" };

export function askedToRun(command: string, waitMs: number = decisionWait.defaultMs): Asked {
  const request: PermissionRequest = {
    id: `per_${newId()}`,
    sessionID: "ses_test",
    permission: "bash",
    patterns: [command],
    metadata: { command },
    always: [`${command.split(" ")[0]} *`],
    tool,
  };
  const decision = terms(request, waitMs);
  const { decisionId } = decision;
  const reply = { sessionID: "ses_test", requestID: request.id, decisionId };
  return {
    decisionId,
    event: { type: "permission.asked", payload: { ...request, decision } },
    applied: { type: "permission.replied", payload: { ...reply, reply: "once" } },
  };
}

export function askedToChoose(questions: QuestionRequest["questions"], waitMs: number = decisionWait.defaultMs): Asked {
  const request: QuestionRequest = { id: `que_${newId()}`, sessionID: "ses_test", questions, tool };
  const decision = terms(request, waitMs);
  const { decisionId } = decision;
  return {
    decisionId,
    event: { type: "question.asked", payload: { ...request, decision } },
    applied: { type: "question.rejected", payload: { sessionID: "ses_test", requestID: request.id, decisionId } },
  };
}

export const colours: QuestionRequest["questions"] = [
  {
    question: "Which colour should the door have?",
    header: "Door colour",
    options: [
      { label: "Red", description: "Easy to find" },
      { label: "Blue", description: "Calm" },
    ],
  },
];
