import { hashToken } from "@open-cowork/secrets/token";
import { resolveBrowserSession } from "@open-cowork/store/identity/resolve-browser-session";
import type { Principal, RouteRow } from "@open-cowork/contracts/routes";
import type { Database } from "@open-cowork/store/database/open";
import { getCookie } from "hono/cookie";
import { callerAddress } from "./caller-address.ts";
import type { PublicAddress } from "./public-address.ts";
import type { DoorRefusal, PersonVisit, Visit, WorkerVisit } from "./visit.ts";

type Role = Exclude<Principal, "anyone" | "worker">;

/** Each role may do what the ones before it may. */
const roles: readonly Role[] = ["viewer", "member", "admin", "owner"];

export type Admitted = { ok: true; visit: Visit | PersonVisit | WorkerVisit; rateKey: string } | DoorRefusal;

/** Checks who the route is for. The key names the principal for the rate limit, and never holds a raw token. */
export async function admit(
  row: RouteRow,
  visit: Visit,
  door: { address: PublicAddress; database: Database; proxyHops: number },
): Promise<Admitted> {
  const { address, database } = door;
  if (row.who === "anyone") return { ok: true, visit, rateKey: addressOf(visit, door.proxyHops) };
  if (row.who === "worker") {
    const credential = bearerToken(visit);
    if (!credential) return { ok: false, reason: "credential_invalid" };
    return { ok: true, visit: { ...visit, credential }, rateKey: hashToken(credential) };
  }
  const token = getCookie(visit.c, address.cookieName);
  if (!token) return { ok: false, reason: "not_signed_in" };
  const browserTokenHash = hashToken(token);
  const person = await resolveBrowserSession(database.db, browserTokenHash);
  if (!person) return { ok: false, reason: "not_signed_in" };
  if (!mayActAs(person.role, row.who)) return { ok: false, reason: "forbidden" };
  return { ok: true, visit: { ...visit, person, browserTokenHash }, rateKey: person.userId };
}

export function mayActAs(role: Role, needed: Role): boolean {
  return roles.indexOf(role) >= roles.indexOf(needed);
}

function bearerToken(visit: Visit): string | null {
  return /^Bearer (\S{20,200})$/i.exec(visit.c.req.header("authorization") ?? "")?.[1] ?? null;
}

export function addressOf({ c }: Visit, proxyHops: number): string {
  const socket = c.env.incoming?.socket.remoteAddress;
  return callerAddress({ socket, forwardedFor: c.req.header("x-forwarded-for") }, proxyHops);
}
