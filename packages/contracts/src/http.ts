import { z } from "zod";
import { commandStatuses, sessionStatuses } from "./lifecycles.ts";
import { limits } from "./timings.ts";

/** Bodies and answers of the public API. Bytes are parsed with these at the border, and nowhere else. */

export const NewSession = z.strictObject({
  title: z.string().trim().max(limits.titleChars).optional(),
  /** The first prompt may come along, so that one request starts work. */
  prompt: z.string().trim().min(1).max(limits.promptChars).optional(),
  /** The name of a profile: under which policy the agent works. The organisation's default when left out. */
  profile: z.string().min(1).max(100).optional(),
});
export type NewSession = z.infer<typeof NewSession>;

export const NewPrompt = z.strictObject({
  text: z.string().trim().min(1).max(limits.promptChars),
});
export type NewPrompt = z.infer<typeof NewPrompt>;

/** The text as it was, unless a better one comes along. */
export const DeadLetterRetry = z.strictObject({ text: NewPrompt.shape.text.optional() });

const answer = z.string().trim().min(1).max(limits.answerChars);

/** What a person answers: yes or no to a call, or for each question the labels and words that answer it. */
export const DecisionAnswer = z.union([
  z.strictObject({ answer: z.enum(["approve", "refuse"]) }),
  z.strictObject({ answers: z.array(z.array(answer).min(1).max(20)).min(1).max(limits.questionsPerAsk) }),
]);
export type DecisionAnswer = z.infer<typeof DecisionAnswer>;

export const SessionSummary = z.object({
  sessionId: z.string(),
  title: z.string(),
  status: z.enum(sessionStatuses),
  /** The newest command's status, or null before the first prompt. */
  lastCommandStatus: z.enum(commandStatuses).nullable(),
  /** Something in it was asked that nobody has answered yet. */
  waitsForPerson: z.boolean(),
  createdAt: z.string(),
  updatedAt: z.string(),
});
export type SessionSummary = z.infer<typeof SessionSummary>;

export const CommandAccepted = z.object({ sessionId: z.string(), commandId: z.string(), commandSeq: z.number().int() });
export type CommandAccepted = z.infer<typeof CommandAccepted>;

export const WorkerHeartbeat = z.strictObject({
  bootId: z.uuid(),
  seq: z.number().int().positive(),
  versions: z.record(z.string(), z.string()),
  capabilities: z.array(z.string().max(100)).max(50),
  load: z.object({
    lanes: z.number().int().nonnegative(),
    busy: z.number().int().nonnegative(),
    /** Why it takes no more, although it has lanes free. */
    shortOf: z.enum(["memory"]).optional(),
  }),
  activeWorkIds: z.array(z.uuid()).max(200),
  draining: z.boolean(),
  lastError: z.object({ code: z.string().max(100), summary: z.string().max(500) }).nullable(),
});
export type WorkerHeartbeat = z.infer<typeof WorkerHeartbeat>;

/** The one shape of every error answer. */
export interface ErrorBody {
  error: { reason: string; message: string; retryable: boolean; details?: unknown; requestId: string };
}
