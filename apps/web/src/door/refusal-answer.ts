import type { ErrorBody } from "@open-cowork/contracts/http";
import { refusals } from "@open-cowork/contracts/refusals";
import type { Pages } from "../pages/render.tsx";
import type { DoorRefusal } from "./visit.ts";

/** The one shape of every "no": JSON for programs, a page for people, the same reason and request id in both. */
export function refusalAnswer(refusal: DoorRefusal, to: { requestId: string; pages: Pages | null }): Response {
  const row = refusals[refusal.reason];
  const headers = new Headers();
  if (refusal.retryAfterSeconds !== undefined) headers.set("retry-after", String(refusal.retryAfterSeconds));
  if (to.pages) {
    if (refusal.reason === "not_signed_in") return redirect("/sign-in");
    headers.set("content-type", "text/html; charset=utf-8");
    const { reason, details = [] } = refusal;
    const page = to.pages.problem({ reason, message: row.means, details, requestId: to.requestId, status: row.http });
    return new Response(page, { status: row.http, headers });
  }
  const body: ErrorBody = {
    error: {
      reason: refusal.reason,
      message: row.means,
      retryable: row.retryable,
      ...(refusal.details === undefined ? {} : { details: refusal.details }),
      requestId: to.requestId,
    },
  };
  return Response.json(body, { status: row.http, headers });
}

/** 303: the browser follows with GET, so that reloading the next page never repeats a write. */
export function redirect(to: string): Response {
  return new Response(null, { status: 303, headers: { location: to } });
}
