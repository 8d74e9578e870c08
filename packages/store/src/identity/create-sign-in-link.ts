import type { OrgId, UserId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** Stores a one-time sign-in link by the hash of its token. Needs the owner's connection. */
export async function createSignInLink(
  owner: Db,
  link: { orgId: OrgId; userId: UserId; linkHash: string; validMinutes: number },
): Promise<void> {
  await sql`insert into cowork.sign_in_links (link_hash, org_id, user_id, expires_at)
    values (${link.linkHash}, ${link.orgId}, ${link.userId}, cowork.now() + make_interval(mins => ${link.validMinutes}::int))`.execute(
    owner,
  );
}
