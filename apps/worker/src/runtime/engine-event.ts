import {
  permissionRequest,
  questionRequest,
  type PermissionRequest,
  type QuestionRequest,
} from "@open-cowork/contracts/events";
import { z } from "zod";

/**
 * What the adapter reads from /global/event. Everything durable comes twice there, once plainly and once as a `sync`
 * copy with a sequence number; only the copy is used, because with it a reconnect can close its gap exactly.
 */
export type EngineEvent =
  | { type: "message.updated"; info: EngineInfo }
  | { type: "message.part.updated"; part: EnginePart }
  | { type: "message.part.delta"; messageID: string; partID: string; field: string; delta: string }
  | { type: "session.status"; status: EngineStatus }
  | { type: "session.error"; error: EngineError | undefined }
  | EngineAsk
  /** Somebody answered an ask: yes or no to a call, answers to questions. */
  | { type: "ask.replied"; id: string; reply: EngineReply }
  /** Not an event of OpenCode's: all that waits now, told after a gap in which replies may have been missed. */
  | { type: "asks.pending"; ids: string[] };

export type EngineAsk =
  | { type: "permission.asked"; request: PermissionRequest }
  | { type: "question.asked"; request: QuestionRequest };

export type EngineReply = "once" | "always" | "reject" | string[][];

const info = z.looseObject({
  id: z.string(),
  sessionID: z.string(),
  role: z.string(),
  time: z.looseObject({ completed: z.number().optional() }).optional(),
});
const part = z.looseObject({ id: z.string(), sessionID: z.string(), messageID: z.string(), type: z.string() });
const status = z.looseObject({ type: z.string(), attempt: z.number().optional() });
const error = z.looseObject({
  name: z.string(),
  data: z
    .looseObject({
      message: z.string().optional(),
      statusCode: z.number().optional(),
      isRetryable: z.boolean().optional(),
    })
    .optional(),
});

export type EngineInfo = z.infer<typeof info>;
export type EnginePart = z.infer<typeof part>;
export type EngineStatus = z.infer<typeof status>;
export type EngineError = z.infer<typeof error>;

const envelope = z.looseObject({
  payload: z.looseObject({ type: z.string(), properties: z.unknown().optional(), syncEvent: z.unknown().optional() }),
});
const syncEvent = z.looseObject({
  seq: z.number().int(),
  type: z.string(),
  aggregateID: z.string(),
  data: z.unknown(),
});
const live = {
  "message.part.delta": z.looseObject({
    sessionID: z.string(),
    messageID: z.string(),
    partID: z.string(),
    field: z.string(),
    delta: z.string(),
  }),
  "session.status": z.looseObject({ sessionID: z.string(), status }),
  "session.error": z.looseObject({ sessionID: z.string().optional(), error: error.optional() }),
  "permission.replied": z.looseObject({ requestID: z.string(), reply: z.enum(["once", "always", "reject"]) }),
  "question.replied": z.looseObject({ requestID: z.string(), answers: z.array(z.array(z.string())) }),
  "question.rejected": z.looseObject({ requestID: z.string() }),
};

/** One parsed frame: `seq` only for durable events, `event` null for everything that is of no use here. */
export interface Frame {
  seq: number | null;
  event: EngineEvent | null;
}

const nothing: Frame = { seq: null, event: null };

export function readFrame(json: unknown, sessionId: string): Frame {
  const { payload } = envelope.parse(json);
  if (payload.type === "sync") {
    const { seq, type, aggregateID, data } = syncEvent.parse(payload.syncEvent);
    return aggregateID === sessionId ? { seq, event: readDurable(type, data) } : nothing;
  }
  return { seq: null, event: readLive(payload.type, payload.properties, sessionId) };
}

/** Also used for /sync/history. The type carries its schema's version: `message.updated.1`. */
export function readDurable(type: string, data: unknown): EngineEvent | null {
  if (type === "message.updated.1") return { type: "message.updated", info: z.object({ info }).parse(data).info };
  if (type === "message.part.updated.1")
    return { type: "message.part.updated", part: z.object({ part }).parse(data).part };
  return null;
}

function readLive(type: string, properties: unknown, sessionId: string): EngineEvent | null {
  switch (type) {
    case "message.part.delta": {
      const { sessionID, messageID, partID, field, delta } = live[type].parse(properties);
      return sessionID === sessionId ? { type, messageID, partID, field, delta } : null;
    }
    case "session.status": {
      const seen = live[type].parse(properties);
      return seen.sessionID === sessionId ? { type, status: seen.status } : null;
    }
    case "session.error": {
      const seen = live[type].parse(properties);
      return seen.sessionID === undefined || seen.sessionID === sessionId ? { type, error: seen.error } : null;
    }
    // Whoever asks: a child session's question would hang the turn as well.
    case "permission.asked":
      return { type, request: permissionRequest.parse(properties) };
    case "question.asked":
      return { type, request: questionRequest.parse(properties) };
    case "permission.replied": {
      const { requestID, reply } = live[type].parse(properties);
      return { type: "ask.replied", id: requestID, reply };
    }
    case "question.replied": {
      const { requestID, answers } = live[type].parse(properties);
      return { type: "ask.replied", id: requestID, reply: answers };
    }
    case "question.rejected":
      return { type: "ask.replied", id: live[type].parse(properties).requestID, reply: "reject" };
    default:
      return null;
  }
}
