import { listDeadLetters } from "@open-cowork/store/dead-letters/list-dead-letters";
import { findSession } from "@open-cowork/store/sessions/find-session";
import { listProfiles } from "@open-cowork/store/profiles/list-profiles";
import { listSessions } from "@open-cowork/store/sessions/list-sessions";
import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { explainSession } from "@open-cowork/store/work/explain-waiting";
import { whyItWaits } from "@open-cowork/contracts/waiting";
import { NewPrompt, NewSession } from "@open-cowork/contracts/http";
import type { Door } from "../door/mount-routes.ts";
import { readForm } from "../door/read-body.ts";
import { redirect } from "../door/refusal-answer.ts";
import { mayActAs } from "../door/principals.ts";
import type { Handlers, PersonVisit } from "../door/visit.ts";
import { sessionIdOf, sessionVerbs } from "./sessions.ts";

const sessionsPerPage = 20;

/** Pages and their forms. Every one works without a script: a form posts, the answer is a 303 to what is now true. */
export function pageRoutes(
  door: Door,
): Pick<Handlers, "homePage" | "sessionPage" | "createSessionForm" | "promptForm" | "stopForm"> {
  const { clock, database, pages } = door;
  const verbs = sessionVerbs(door);
  return {
    homePage: async (visit) => {
      const before = visit.c.req.query("before")?.slice(0, 200);
      const [list, dead, profiles] = await Promise.all([
        listSessions(database.db, visit.person, { limit: sessionsPerPage, ...(before ? { before } : {}) }),
        listDeadLetters(database.db, visit.person, 1),
        listProfiles(database.db, visit.person),
      ]);
      const now = clock.now().toISOString();
      const hasDeadLetters = dead.length > 0;
      return visit.c.html(
        pages.home({ ...shown(visit), now, isFirstPage: !before, hasDeadLetters, profiles, ...list }),
      );
    },

    sessionPage: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const [session, snapshot, waiting] = await Promise.all([
        findSession(database.db, visit.person, sessionId.value),
        readSnapshot(database.db, visit.person, sessionId.value),
        explainSession(database.db, visit.person, sessionId.value),
      ]);
      if (!session || !snapshot) return { ok: false, reason: "not_found" };
      const why = waiting ? whyItWaits(waiting.reason) : null;
      return visit.c.html(pages.session({ ...shown(visit), session, transcript: snapshot.transcript, why }));
    },

    createSessionForm: async (visit) => {
      const form = await readForm(visit, NewSession.required({ prompt: true }));
      if (!form.ok) return form;
      const created = await verbs.create(visit, form.value);
      return created.ok ? redirect(`/sessions/${created.value.sessionId}`) : created;
    },

    promptForm: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const form = await readForm(visit, NewPrompt);
      if (!form.ok) return form;
      const prompted = await verbs.prompt(visit, sessionId.value, form.value.text);
      return prompted.ok ? redirect(`/sessions/${sessionId.value}#newest`) : prompted;
    },

    stopForm: async (visit) => {
      const sessionId = sessionIdOf(visit);
      if (!sessionId.ok) return sessionId;
      const stopped = await verbs.stop(visit, sessionId.value);
      // Two people may press Stop; the second one finds what they wanted.
      const isStopped = stopped.ok || stopped.reason === "nothing_to_stop";
      return isStopped ? redirect(`/sessions/${sessionId.value}#newest`) : stopped;
    },
  };
}

function shown({ person }: PersonVisit) {
  return {
    person: { displayName: person.displayName, email: person.email },
    mayWrite: mayActAs(person.role, "member"),
  };
}
