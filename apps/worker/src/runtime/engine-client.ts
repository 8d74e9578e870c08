import type { IncomingMessage } from "node:http";
import { Readable } from "node:stream";
import type { Part, SessionPromptAsyncData } from "@opencode-ai/sdk/v2";
import { permissionRequest, questionRequest } from "@open-cowork/contracts/events";
import { z } from "zod";
import { deadline } from "@open-cowork/contracts/clock";
import { readAnswer, sendToEngine, type EngineAddress } from "./engine-transport.ts";

/**
 * The calls of OpenCode's HTTP API that the adapter needs. Written out instead of using the SDK's client, which takes
 * every timeout off (a request in the moment before the HTTP layer is up would then hang for ever) and trusts what
 * comes back; the SDK's types still tell us when a pinned version changes a body.
 */
const callMs = 10_000;
/** A long session's whole history comes as one answer. */
const mostAnswerBytes = 256 * 1024 * 1024;
const isOk = ({ statusCode = 0 }: IncomingMessage) => statusCode >= 200 && statusCode < 300;
/** It puts files back, as many as the turn has changed. */
const revertMs = 30_000;

export const engineMessage = z.looseObject({
  info: z.looseObject({
    id: z.string(),
    sessionID: z.string(),
    role: z.string(),
    parentID: z.string().optional(),
    time: z.looseObject({ completed: z.number().optional() }).optional(),
  }),
  parts: z.array(z.looseObject({ id: z.string(), messageID: z.string(), type: z.string() })),
});
export type EngineMessage = z.infer<typeof engineMessage>;

const health = z.object({ healthy: z.literal(true), version: z.string() });
const sessionStatuses = z.record(z.string(), z.looseObject({ type: z.string() }));

const engineSession = z.looseObject({
  id: z.string(),
  directory: z.string(),
  revert: z.looseObject({ messageID: z.string() }).optional(),
});
const history = z.array(
  z.looseObject({ seq: z.number().int(), aggregate_id: z.string(), type: z.string(), data: z.unknown() }),
);

/** The engine answered, but not with what was asked for. */
class EngineRefused extends Error {
  override name = "EngineRefused";
  readonly status: number;
  constructor(call: string, status: number) {
    super(`OpenCode answered ${status} to ${call}`);
    this.status = status;
  }
}

export type EngineClient = ReturnType<typeof engineClient>;

/** Wraps each call, so that a trace tells what was asked of OpenCode and how long it took. */
export type TraceCall = <T>(name: string, call: () => Promise<T>) => Promise<T>;
export const untraced: TraceCall = (_, call) => call();

export function engineClient(address: EngineAddress, password: string, trace: TraceCall = untraced) {
  const authorization = `Basic ${Buffer.from(`opencode:${password}`).toString("base64")}`;

  const send = (method: string, path: string, body: unknown, withinMs: number): Promise<string> =>
    trace(`opencode ${method} ${path.replaceAll(/\/[a-z]+_\w+/g, "/*")}`, () => exchange(method, path, body, withinMs));
  const exchange = async (method: string, path: string, body: unknown, withinMs: number): Promise<string> => {
    const signal = deadline(withinMs, `OpenCode (${method} ${path.split("/")[1]})`);
    const answer = await sendToEngine(address, {
      method,
      path,
      headers: { authorization, ...(body === undefined ? {} : { "content-type": "application/json" }) },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      signal,
    });
    // An unknown path is answered with 200 and a page, so only JSON counts as an answer.
    const isAnswer = answer.statusCode === 204 || answer.headers["content-type"]?.includes("json");
    if (isOk(answer) && isAnswer) return readAnswer(answer, mostAnswerBytes, signal);
    answer.destroy();
    throw new EngineRefused(`${method} ${path}`, answer.statusCode ?? 0);
  };
  const call = async <S extends z.ZodType>(
    schema: S,
    method: string,
    path: string,
    body?: unknown,
    withinMs = callMs,
  ) => schema.parse(JSON.parse(await send(method, path, body, withinMs)));
  const session = (id: string) => `/session/${encodeURIComponent(id)}`;

  return {
    health: (withinMs: number) => call(health, "GET", "/global/health", undefined, withinMs),
    createSession: (title: string) => call(engineSession, "POST", "/session", { title }),
    deleteSession: (id: string) => call(z.boolean(), "DELETE", session(id)),
    findSession: async (id: string) => {
      try {
        return await call(engineSession, "GET", session(id));
      } catch (error) {
        if (error instanceof EngineRefused && (error.status === 404 || error.status === 400)) return null;
        throw error;
      }
    },
    /** Takes the session to another place of the same workspace. */
    moveSession: async (id: string, directory: string) => {
      const body = { sessionID: id, destination: { directory }, moveChanges: false };
      await send("POST", "/experimental/control-plane/move-session", body, callMs);
    },
    messages: (id: string) => call(z.array(engineMessage), "GET", `${session(id)}/message`),
    statuses: () => call(sessionStatuses, "GET", "/session/status"),
    history: (known: Record<string, number>) => call(history, "POST", "/sync/history", known),
    prompt: async (id: string, body: NonNullable<SessionPromptAsyncData["body"]>) => {
      await send("POST", `${session(id)}/prompt_async`, body, callMs);
    },
    abort: (id: string) => call(z.boolean(), "POST", `${session(id)}/abort`, {}),
    revert: (id: string, messageID: string) =>
      call(engineSession, "POST", `${session(id)}/revert`, { messageID }, revertMs),
    putPart: async (id: string, part: Part) => {
      await send("PATCH", `${session(id)}/message/${part.messageID}/part/${part.id}`, part, callMs);
    },
    pendingPermissions: () => call(z.array(permissionRequest), "GET", "/permission"),
    pendingQuestions: () => call(z.array(questionRequest), "GET", "/question"),
    // Never `always`: the plane decides each time, and OpenCode would remember it beside the plane.
    replyPermission: (id: string, reply: "once" | "reject") =>
      call(z.boolean(), "POST", `/permission/${encodeURIComponent(id)}/reply`, { reply }),
    answerQuestion: (id: string, answers: string[][]) =>
      call(z.boolean(), "POST", `/question/${encodeURIComponent(id)}/reply`, { answers }),
    rejectQuestion: (id: string) => call(z.boolean(), "POST", `/question/${encodeURIComponent(id)}/reject`, {}),
    /** The raw stream of /global/event; open until aborted or broken. */
    events: async (signal: AbortSignal): Promise<ReadableStream<Uint8Array>> => {
      const opening = AbortSignal.any([signal, deadline(callMs, "OpenCode's event stream")]);
      const controller = new AbortController();
      const abort = () => controller.abort(opening.reason);
      opening.addEventListener("abort", abort, { once: true });
      const path = "/global/event";
      const answer = await sendToEngine(address, {
        method: "GET",
        path,
        headers: { authorization },
        signal: controller.signal,
      });
      // From here on only the caller's signal ends it.
      opening.removeEventListener("abort", abort);
      signal.addEventListener("abort", () => controller.abort(signal.reason), { once: true });
      if (isOk(answer)) return Readable.toWeb(answer) as ReadableStream<Uint8Array>;
      answer.destroy();
      throw new EngineRefused(`GET ${path}`, answer.statusCode ?? 0);
    },
  };
}
