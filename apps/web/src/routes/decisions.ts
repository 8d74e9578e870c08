import { DecisionAnswer } from "@open-cowork/contracts/http";
import { idSchema, type DecisionId } from "@open-cowork/contracts/ids";
import { decide } from "@open-cowork/store/decisions/decide";
import { listProfiles } from "@open-cowork/store/profiles/list-profiles";
import type { Door } from "../door/mount-routes.ts";
import { oncePerKey } from "../door/once-per-key.ts";
import { check, readFields, readJson, type Read } from "../door/read-body.ts";
import { redirect } from "../door/refusal-answer.ts";
import type { Handlers, PersonVisit } from "../door/visit.ts";
import { answerIn } from "../transcript/answer-in.ts";
import { sessionIdOf } from "./sessions.ts";

/** Under which policies agents may work, and what people decide about their asks, by API and by form. The worker that waits for it hears of it at once. */
export function decisionRoutes(door: Door): Pick<Handlers, "decide" | "decideForm" | "listProfiles"> {
  const { database } = door;
  const make = async (visit: PersonVisit, wish: Read<DecisionAnswer>) => {
    const sessionId = sessionIdOf(visit);
    if (!sessionId.ok) return sessionId;
    const decisionId = decisionIdOf(visit);
    if (!decisionId.ok) return decisionId;
    if (!wish.ok) return wish;
    const made = await oncePerKey(door, visit, wish.value, (db) =>
      decide(db, visit.person, sessionId.value, decisionId.value, wish.value),
    );
    if (made.ok) {
      database.notify("signals", sessionId.value);
      database.notify("events", sessionId.value);
    }
    return made.ok ? { ok: true as const, sessionId: sessionId.value, ...made.value } : made;
  };
  return {
    listProfiles: async ({ person }) => Response.json({ profiles: await listProfiles(database.db, person) }),

    decide: async (visit) => {
      const made = await make(visit, await readJson(visit, DecisionAnswer));
      return made.ok ? Response.json({ status: made.status }, { status: 202 }) : made;
    },

    decideForm: async (visit) => {
      const fields = await readFields(visit);
      const made = await make(visit, fields.ok ? check(DecisionAnswer, answerIn(fields.value)) : fields);
      return made.ok ? redirect(`/sessions/${made.sessionId}#newest`) : made;
    },
  };
}

function decisionIdOf({ c }: PersonVisit): Read<DecisionId> {
  const parsed = idSchema<"decision">().safeParse(c.req.param("decisionId"));
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, reason: "decision_unknown" };
}
