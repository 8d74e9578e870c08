import type { HttpBindings } from "@hono/node-server";
import type { Principal, RouteName, routes } from "@open-cowork/contracts/routes";
import type { Reason } from "@open-cowork/contracts/refusals";
import type { Person } from "@open-cowork/store/identity/resolve-browser-session";
import type { Context } from "hono";

/** What every handler is given: the request, who it is from, and the trace that its writes continue. */
export interface Visit {
  readonly c: Context<{ Bindings: Partial<HttpBindings> }>;
  readonly requestId: string;
  readonly traceparent: string;
}

export interface PersonVisit extends Visit {
  readonly person: Person;
  /** Of the browser's cookie, so that a long answer can ask again whether it still holds. */
  readonly browserTokenHash: string;
}

export interface WorkerVisit extends Visit {
  /** Not checked yet: the heartbeat verb does that, under its own lock and with its own evidence. */
  readonly credential: string;
}

/** What does not fit, and where. */
export interface Detail {
  path: string;
  message: string;
}

/** A refusal as the door answers it: `details` go to the caller, so they never hold what they may not know. */
export interface DoorRefusal {
  ok: false;
  reason: Reason;
  details?: Detail[];
  retryAfterSeconds?: number;
}

export type VisitOf<Who extends Principal> = Who extends "anyone"
  ? Visit
  : Who extends "worker"
    ? WorkerVisit
    : PersonVisit;

export type Handler<V extends Visit> = (visit: V) => Promise<Response | DoorRefusal> | Response | DoorRefusal;

/** Exactly one handler per row of the table; tsc refuses a missing one, `mountRoutes` one too many. */
export type Handlers = { [R in RouteName]: Handler<VisitOf<(typeof routes)[R]["who"]>> };
