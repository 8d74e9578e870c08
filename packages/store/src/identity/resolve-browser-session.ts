import type { OrgId, UserId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface Person {
  userId: UserId;
  orgId: OrgId;
  email: string;
  displayName: string;
  role: "owner" | "admin" | "member" | "viewer";
  browserSessionId: string;
}

interface PersonRow {
  browser_session_id: string;
  user_id: UserId;
  org_id: OrgId;
  email: string;
  display_name: string;
  role: Person["role"];
}

/** Who a cookie stands for; null when it is unknown, expired or signed out. */
export async function resolveBrowserSession(db: Db, tokenHash: string): Promise<Person | null> {
  const { rows } = await sql<PersonRow>`select * from web_api.resolve_browser_session(${tokenHash})`.execute(db);
  const row = rows[0];
  if (!row) return null;
  const {
    user_id: userId,
    org_id: orgId,
    email,
    display_name: displayName,
    role,
    browser_session_id: browserSessionId,
  } = row;
  return { userId, orgId, email, displayName, role, browserSessionId };
}
