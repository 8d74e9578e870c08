import { DeadLetterRetry } from "@open-cowork/contracts/http";
import { idSchema, type WorkId } from "@open-cowork/contracts/ids";
import { dropDeadLetter, retryDeadLetter } from "@open-cowork/store/dead-letters/resolve-dead-letter";
import { listDeadLetters } from "@open-cowork/store/dead-letters/list-dead-letters";
import type { Door } from "../door/mount-routes.ts";
import { oncePerKey } from "../door/once-per-key.ts";
import { mayActAs } from "../door/principals.ts";
import { readForm, readJson, type Read } from "../door/read-body.ts";
import { redirect } from "../door/refusal-answer.ts";
import type { Handlers, PersonVisit, Visit } from "../door/visit.ts";

/** Who has more than these has one cause behind them, and resolves them by it. */
const mostShown = 100;

/** Prompts that every attempt failed at: looked at, edited and retried, or dropped; by API and on a page. */
export function deadLetterRoutes(
  door: Door,
): Pick<
  Handlers,
  | "listDeadLetters"
  | "retryDeadLetter"
  | "dropDeadLetter"
  | "deadLettersPage"
  | "retryDeadLetterForm"
  | "dropDeadLetterForm"
> {
  const { clock, database, pages } = door;

  const retry = async (visit: PersonVisit, workId: WorkId, text: string | undefined) => {
    const retried = await oncePerKey(door, visit, { text }, (db) =>
      retryDeadLetter(db, visit.person, workId, text ?? null),
    );
    if (retried.ok) {
      database.notify("ready");
      database.notify("events");
    }
    return retried;
  };
  const drop = (visit: PersonVisit, workId: WorkId) =>
    oncePerKey(door, visit, {}, (db) => dropDeadLetter(db, visit.person, workId));
  const done = () => new Response(null, { status: 204 });
  const backToList = () => redirect("/dead-letters");

  return {
    listDeadLetters: async ({ person }) =>
      Response.json({ deadLetters: await listDeadLetters(database.db, person, mostShown) }),

    retryDeadLetter: async (visit) => {
      const workId = workIdOf(visit);
      if (!workId.ok) return workId;
      const body = await readJson(visit, DeadLetterRetry);
      if (!body.ok) return body;
      const retried = await retry(visit, workId.value, body.value.text);
      return retried.ok ? done() : retried;
    },

    dropDeadLetter: async (visit) => {
      const workId = workIdOf(visit);
      if (!workId.ok) return workId;
      const dropped = await drop(visit, workId.value);
      return dropped.ok ? done() : dropped;
    },

    deadLettersPage: async (visit) => {
      const { displayName, email, role } = visit.person;
      const letters = await listDeadLetters(database.db, visit.person, mostShown);
      return visit.c.html(
        pages.deadLetters({
          person: { displayName, email },
          mayWrite: mayActAs(role, "member"),
          letters,
          now: clock.now().toISOString(),
        }),
      );
    },

    retryDeadLetterForm: async (visit) => {
      const workId = workIdOf(visit);
      if (!workId.ok) return workId;
      const form = await readForm(visit, DeadLetterRetry);
      if (!form.ok) return form;
      const retried = await retry(visit, workId.value, form.value.text);
      // Somebody else was faster: the list shows what became of it.
      return retried.ok || retried.reason === "not_dead" ? backToList() : retried;
    },

    dropDeadLetterForm: async (visit) => {
      const workId = workIdOf(visit);
      if (!workId.ok) return workId;
      const dropped = await drop(visit, workId.value);
      return dropped.ok || dropped.reason === "not_dead" ? backToList() : dropped;
    },
  };
}

function workIdOf({ c }: Visit): Read<WorkId> {
  const parsed = idSchema<"work">().safeParse(c.req.param("workId"));
  return parsed.success ? { ok: true, value: parsed.data } : { ok: false, reason: "not_found" };
}
