import { newId, type OrgId, type PoolId, type UserId } from "@open-cowork/contracts/ids";
import { firstProfiles } from "@open-cowork/contracts/profile-policy";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

export interface FirstOwner {
  orgId: OrgId;
  userId: UserId;
  poolId: PoolId;
}

/**
 * What a plane needs before anybody can use it: one organisation, its owner, a shared pool and the profiles that use it.
 * Needs the owner's connection. Repeatable: finds what an earlier start made.
 */
export async function ensureFirstOwner(
  owner: Db,
  person: { email: string; displayName: string; orgName: string },
): Promise<FirstOwner> {
  return owner.transaction().execute(async (tx) => {
    const known = await tx
      .selectFrom("cowork.users as u")
      .innerJoin("cowork.memberships as m", "m.user_id", "u.user_id")
      .innerJoin("cowork.profiles as p", "p.org_id", "m.org_id")
      .select(["u.user_id", "m.org_id", "p.pool_id"])
      .where("u.email", "=", person.email)
      .orderBy("m.org_id")
      .executeTakeFirst();
    if (known)
      return { orgId: known.org_id as OrgId, userId: known.user_id as UserId, poolId: known.pool_id as PoolId };

    const first: FirstOwner = { orgId: newId(), userId: newId(), poolId: newId() };
    await tx.insertInto("cowork.orgs").values({ org_id: first.orgId, name: person.orgName }).execute();
    await tx.insertInto("cowork.tenants").values({ org_id: first.orgId }).execute();
    await tx
      .insertInto("cowork.users")
      .values({ user_id: first.userId, email: person.email, display_name: person.displayName })
      .execute();
    await tx
      .insertInto("cowork.memberships")
      .values({ org_id: first.orgId, user_id: first.userId, role: "owner" })
      .execute();
    await tx
      .insertInto("cowork.worker_pools")
      .values({ pool_id: first.poolId, org_id: null, name: "default" })
      .execute();
    await sql`insert into cowork.audit (action, actor_kind, subject)
      values ('pool_created', 'operator', jsonb_build_object('poolId', ${first.poolId}::text))`.execute(tx);
    await tx
      .insertInto("cowork.profiles")
      .values(
        firstProfiles.map((profile) => ({
          ...profile,
          org_id: first.orgId,
          profile_id: newId(),
          pool_id: first.poolId,
        })),
      )
      .execute();
    return first;
  });
}
