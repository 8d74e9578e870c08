import { z } from "zod";

import { decisionStatuses } from "./lifecycles.ts";

/**
 * The events of a session: immutable facts in past tense, ordered by `seq`, which Postgres allocates without a gap
 * under the lane's lock. Two producers: the plane states its own facts; the runtime's events keep OpenCode's own shape
 * (redacted), so that OpenCode clients can read them later. `projected` events also land in the `parts` read model, in
 * the same transaction. `ephemeral` ones are dropped once a later state of the same part supersedes them.
 */
interface EventRow {
  producer: "plane" | "runtime";
  projected: boolean;
  ephemeral?: true;
  payload: z.ZodType;
}

const looseInfo = z.looseObject({ id: z.string(), sessionID: z.string() });
const loosePart = z.looseObject({ id: z.string(), sessionID: z.string(), messageID: z.string(), type: z.string() });

/** What the plane adds to an ask: under which id people decide, for how long it waits, and what exactly was asked. */
const askTerms = z.object({
  decisionId: z.uuid(),
  waitMs: z.number().int().positive(),
  /** Of the runtime's own request, before anything was redacted or cut. */
  requestHash: z.string(),
});
const askedBy = z.looseObject({ messageID: z.string(), callID: z.string() }).optional();

export const permissionRequest = z.looseObject({
  id: z.string(),
  sessionID: z.string(),
  permission: z.string(),
  patterns: z.array(z.string()),
  metadata: z.record(z.string(), z.unknown()),
  tool: askedBy,
});
export type PermissionRequest = z.infer<typeof permissionRequest>;

export const questionRequest = z.looseObject({
  id: z.string(),
  sessionID: z.string(),
  questions: z.array(
    z.looseObject({
      question: z.string(),
      header: z.string(),
      options: z.array(z.looseObject({ label: z.string(), description: z.string() })),
      multiple: z.boolean().optional(),
      /** False: only the options. OpenCode lets a person answer in their own words unless told so. */
      custom: z.boolean().optional(),
    }),
  ),
  tool: askedBy,
});
export type QuestionRequest = z.infer<typeof questionRequest>;

const replied = { sessionID: z.string(), requestID: z.string(), decisionId: z.uuid() };

export const eventTypes = {
  "command.accepted": {
    producer: "plane",
    projected: false,
    payload: z.object({ commandId: z.string(), commandSeq: z.number().int(), text: z.string(), by: z.string() }),
  },
  "command.cancelled": {
    producer: "plane",
    projected: false,
    payload: z.object({ commandId: z.string(), reason: z.string() }),
  },
  // A dead letter that a person gave another life, with its text edited perhaps.
  "command.retried": {
    producer: "plane",
    projected: false,
    payload: z.object({ commandId: z.string(), text: z.string() }),
  },
  "attempt.started": {
    producer: "plane",
    projected: false,
    payload: z.object({ commandId: z.string(), attempt: z.number().int(), worker: z.string() }),
  },
  "attempt.lost": {
    producer: "plane",
    projected: false,
    payload: z.object({ commandId: z.string(), attempt: z.number().int(), reason: z.string() }),
  },
  "command.finished": {
    producer: "plane",
    projected: false,
    payload: z.object({
      commandId: z.string(),
      attempt: z.number().int(),
      outcome: z.enum(["succeeded", "failed", "cancelled"]),
      reason: z.string().nullable(),
    }),
  },
  "decision.made": {
    producer: "plane",
    projected: false,
    payload: z.object({
      decisionId: z.string(),
      status: z.enum(decisionStatuses).exclude(["open", "withdrawn"]),
      /** Null when nobody did and its time ran out. */
      by: z.string().nullable(),
      answers: z.array(z.array(z.string())).nullable(),
    }),
  },
  // An ask becomes a row of `decisions` with the event itself.
  "permission.asked": {
    producer: "runtime",
    projected: false,
    payload: permissionRequest.extend({ decision: askTerms }),
  },
  "question.asked": {
    producer: "runtime",
    projected: false,
    payload: questionRequest.extend({ decision: askTerms }),
  },
  // The runtime has taken the decision: its signal has done its work.
  "permission.replied": {
    producer: "runtime",
    projected: false,
    payload: z.object({ ...replied, reply: z.enum(["once", "reject"]) }),
  },
  "question.replied": {
    producer: "runtime",
    projected: false,
    payload: z.object({ ...replied, answers: z.array(z.array(z.string())) }),
  },
  "question.rejected": {
    producer: "runtime",
    projected: false,
    payload: z.object(replied),
  },
  "message.updated": {
    producer: "runtime",
    projected: true,
    payload: z.object({ info: looseInfo }),
  },
  "message.part.updated": {
    producer: "runtime",
    projected: true,
    payload: z.object({ part: loosePart }),
  },
  // OpenCode's delta has no offset; the adapter adds it, which makes a delta repeatable.
  "message.part.delta": {
    producer: "runtime",
    projected: false,
    ephemeral: true,
    payload: z.object({
      messageID: z.string(),
      partID: z.string(),
      field: z.literal("text"),
      offset: z.number().int().nonnegative(),
      text: z.string(),
    }),
  },
  "session.error": {
    producer: "runtime",
    projected: false,
    payload: z.object({ error: z.looseObject({ name: z.string() }).optional() }),
  },
} as const satisfies Record<string, EventRow>;

export type EventType = keyof typeof eventTypes;
export type RuntimeEventType = {
  [T in EventType]: (typeof eventTypes)[T]["producer"] extends "runtime" ? T : never;
}[EventType];
export type PayloadOf<T extends EventType> = z.infer<(typeof eventTypes)[T]["payload"]>;

/** What a worker hands to `append_events`; the plane adds seq, attempt and time. */
export type RuntimeEvent = { [T in RuntimeEventType]: { type: T; payload: PayloadOf<T> } }[RuntimeEventType];

interface Envelope {
  seq: number;
  /** Null for facts stated at the door, outside of any attempt. */
  attempt: number | null;
  commandId: string | null;
  at: string;
}

export type SessionEvent = { [T in EventType]: Envelope & { type: T; payload: PayloadOf<T> } }[EventType];

export type MessageInfo = PayloadOf<"message.updated">["info"];
export type Part = PayloadOf<"message.part.updated">["part"];
