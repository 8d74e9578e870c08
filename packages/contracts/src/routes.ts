/**
 * Every door of the web service, one row each: a route that is not listed does not exist, and one that is listed
 * without a handler (or the other way round) fails at start. `who` is checked before a handler runs.
 */
export type Principal = "anyone" | "viewer" | "member" | "admin" | "owner" | "worker";

export interface RouteRow {
  method: "GET" | "POST";
  path: string;
  who: Principal;
  /** Requests per minute and principal (per address for anyone). */
  ratePerMinute: number;
  answers: "json" | "page" | "stream" | "redirect" | "asset";
}

export const routes = {
  signInPage: { method: "GET", path: "/sign-in", who: "anyone", ratePerMinute: 60, answers: "page" },
  signIn: { method: "POST", path: "/sign-in", who: "anyone", ratePerMinute: 20, answers: "redirect" },
  signOut: { method: "POST", path: "/sign-out", who: "viewer", ratePerMinute: 60, answers: "redirect" },
  asset: { method: "GET", path: "/assets/:file", who: "anyone", ratePerMinute: 3_000, answers: "asset" },

  homePage: { method: "GET", path: "/", who: "viewer", ratePerMinute: 600, answers: "page" },
  sessionPage: { method: "GET", path: "/sessions/:sessionId", who: "viewer", ratePerMinute: 600, answers: "page" },
  createSessionForm: { method: "POST", path: "/sessions", who: "member", ratePerMinute: 120, answers: "redirect" },
  promptForm: {
    method: "POST",
    path: "/sessions/:sessionId/prompts",
    who: "member",
    ratePerMinute: 120,
    answers: "redirect",
  },
  stopForm: {
    method: "POST",
    path: "/sessions/:sessionId/stop",
    who: "member",
    ratePerMinute: 120,
    answers: "redirect",
  },
  deadLettersPage: { method: "GET", path: "/dead-letters", who: "viewer", ratePerMinute: 600, answers: "page" },
  retryDeadLetterForm: {
    method: "POST",
    path: "/dead-letters/:workId/retry",
    who: "member",
    ratePerMinute: 120,
    answers: "redirect",
  },
  dropDeadLetterForm: {
    method: "POST",
    path: "/dead-letters/:workId/drop",
    who: "member",
    ratePerMinute: 120,
    answers: "redirect",
  },

  decideForm: {
    method: "POST",
    path: "/sessions/:sessionId/decisions/:decisionId",
    who: "member",
    ratePerMinute: 240,
    answers: "redirect",
  },

  listSessions: { method: "GET", path: "/api/sessions", who: "viewer", ratePerMinute: 600, answers: "json" },
  createSession: { method: "POST", path: "/api/sessions", who: "member", ratePerMinute: 120, answers: "json" },
  getSession: { method: "GET", path: "/api/sessions/:sessionId", who: "viewer", ratePerMinute: 600, answers: "json" },
  createPrompt: {
    method: "POST",
    path: "/api/sessions/:sessionId/prompts",
    who: "member",
    ratePerMinute: 120,
    answers: "json",
  },
  stopSession: {
    method: "POST",
    path: "/api/sessions/:sessionId/stop",
    who: "member",
    ratePerMinute: 120,
    answers: "json",
  },
  explainWaiting: {
    method: "GET",
    path: "/api/sessions/:sessionId/waiting",
    who: "viewer",
    ratePerMinute: 600,
    answers: "json",
  },
  listDeadLetters: { method: "GET", path: "/api/dead-letters", who: "viewer", ratePerMinute: 600, answers: "json" },
  retryDeadLetter: {
    method: "POST",
    path: "/api/dead-letters/:workId/retry",
    who: "member",
    ratePerMinute: 120,
    answers: "json",
  },
  dropDeadLetter: {
    method: "POST",
    path: "/api/dead-letters/:workId/drop",
    who: "member",
    ratePerMinute: 120,
    answers: "json",
  },
  listProfiles: { method: "GET", path: "/api/profiles", who: "viewer", ratePerMinute: 600, answers: "json" },
  decide: {
    method: "POST",
    path: "/api/sessions/:sessionId/decisions/:decisionId",
    who: "member",
    ratePerMinute: 240,
    answers: "json",
  },
  stream: { method: "GET", path: "/api/stream", who: "viewer", ratePerMinute: 120, answers: "stream" },

  workerHeartbeat: {
    method: "POST",
    path: "/api/workers/:workerId/heartbeat",
    who: "worker",
    ratePerMinute: 120,
    answers: "json",
  },
} as const satisfies Record<string, RouteRow>;

export type RouteName = keyof typeof routes;
