import { idSchema, type SessionId } from "@open-cowork/contracts/ids";
import { NewPrompt, NewSession } from "@open-cowork/contracts/http";
import { waitingReasons } from "@open-cowork/contracts/waiting";
import { createSession } from "@open-cowork/store/sessions/create-session";
import { enqueuePrompt } from "@open-cowork/store/commands/enqueue-prompt";
import { findSession } from "@open-cowork/store/sessions/find-session";
import { listSessions } from "@open-cowork/store/sessions/list-sessions";
import { stopSession } from "@open-cowork/store/commands/stop-session";
import { explainSession } from "@open-cowork/store/work/explain-waiting";
import { z } from "zod";
import type { Door } from "../door/mount-routes.ts";
import { oncePerKey } from "../door/once-per-key.ts";
import { check, readJson, type Read } from "../door/read-body.ts";
import type { Handlers, PersonVisit, Visit } from "../door/visit.ts";

const ListQuery = z.strictObject({
  before: z.string().min(1).max(200).optional(),
  limit: z.coerce.number().int().min(1).max(200).default(50),
});

/**
 * Sessions by API. Each verb also says, after its commit, whom it concerns: workers look for work, streams read on.
 * A lost notification costs a second of polling and nothing else.
 */
export function sessionRoutes(
  door: Door,
): Pick<Handlers, "listSessions" | "createSession" | "getSession" | "explainWaiting" | "createPrompt" | "stopSession"> {
  const verbs = sessionVerbs(door);
  return {
    listSessions: async (visit) => {
      const query = check(ListQuery, visit.c.req.query());
      if (!query.ok) return query;
      const { before, limit } = query.value;
      return Response.json(
        await listSessions(door.database.db, visit.person, { limit, ...(before ? { before } : {}) }),
      );
    },

    getSession: async (visit) => {
      const sessionId = sessionIdOf(visit);
      const session = sessionId.ok ? await findSession(door.database.db, visit.person, sessionId.value) : null;
      return session ? Response.json(session) : { ok: false, reason: "not_found" };
    },

    explainWaiting: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const session = await findSession(door.database.db, visit.person, sessionId.value);
      if (!session) return { ok: false, reason: "not_found" };
      const waiting = await explainSession(door.database.db, visit.person, sessionId.value);
      const { reason, details } = waiting ?? { reason: "over" as const, details: {} };
      return Response.json({ reason, message: waitingReasons[reason], details });
    },

    createSession: async (visit) => {
      const body = await readJson(visit, NewSession);
      if (!body.ok) return body;
      const created = await verbs.create(visit, body.value);
      if (!created.ok) return created;
      const session = await findSession(door.database.db, visit.person, created.value.sessionId);
      return session ? Response.json(session, { status: 201 }) : { ok: false, reason: "not_found" };
    },

    createPrompt: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const body = await readJson(visit, NewPrompt);
      if (!body.ok) return body;
      const prompted = await verbs.prompt(visit, sessionId.value, body.value.text);
      return prompted.ok ? Response.json({ sessionId: sessionId.value, ...prompted.value }, { status: 202 }) : prompted;
    },

    stopSession: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const stopped = await verbs.stop(visit, sessionId.value);
      return stopped.ok ? Response.json(stopped.value, { status: 202 }) : stopped;
    },
  };
}

/** The three writes, as API and forms both make them; with an `Idempotency-Key` each acts once. */
export function sessionVerbs(door: Door) {
  const { database } = door;
  return {
    async create(visit: PersonVisit, wish: NewSession) {
      const { person, traceparent } = visit;
      const created = await oncePerKey(door, visit, wish, (db) => createSession(db, person, { ...wish, traceparent }));
      if (created.ok) {
        if (created.value.command) database.notify("ready");
        database.notify("events", created.value.sessionId);
      }
      return created;
    },

    async prompt(visit: PersonVisit, sessionId: SessionId, text: string) {
      const { person, traceparent } = visit;
      const prompt = { text, traceparent };
      const prompted = await oncePerKey(door, visit, { text }, (db) => enqueuePrompt(db, person, sessionId, prompt));
      if (prompted.ok) {
        database.notify("ready");
        database.notify("events", sessionId);
      }
      return prompted;
    },

    async stop(visit: PersonVisit, sessionId: SessionId) {
      const stopped = await oncePerKey(door, visit, {}, (db) => stopSession(db, visit.person, sessionId));
      if (stopped.ok) {
        database.notify("signals", sessionId);
        database.notify("events", sessionId);
      }
      return stopped;
    },
  };
}

/** Something that is no id names no session: the same answer as for one that may not be seen. */
export function sessionIdOf({ c }: Visit): Read<SessionId> {
  const parsed = idSchema<"session">().safeParse(c.req.param("sessionId"));
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, reason: "not_found" };
}
