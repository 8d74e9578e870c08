import type { OrgId, UserId } from "@open-cowork/contracts/ids";
import { accepted, refused, type Outcome } from "@open-cowork/contracts/outcome";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface SignedIn {
  userId: UserId;
  orgId: OrgId;
  expiresAt: Date;
}

export async function useSignInLink(
  db: Db,
  link: { linkHash: string; browserTokenHash: string },
): Promise<Outcome<SignedIn, "sign_in_link_invalid">> {
  const { rows } = await sql<{ user_id: UserId; org_id: OrgId; expires_at: Date }>`
    select * from web_api.use_sign_in_link(${link.linkHash}, ${link.browserTokenHash})`.execute(db);
  const row = rows[0];
  return row
    ? accepted({ userId: row.user_id, orgId: row.org_id, expiresAt: row.expires_at })
    : refused("sign_in_link_invalid");
}
