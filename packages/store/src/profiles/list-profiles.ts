import type { ProfileId } from "@open-cowork/contracts/ids";
import { inOrg, type Actor } from "../database/in-org.ts";
import type { Db } from "../database/open.ts";

export interface ProfileSummary {
  profileId: ProfileId;
  name: string;
  about: string;
}

/** What new sessions can choose from: the newest version of each profile, the default first. */
export function listProfiles(db: Db, actor: Actor): Promise<ProfileSummary[]> {
  return inOrg(db, actor, async (tx) => {
    const rows = await tx
      .selectFrom("cowork.profiles")
      .distinctOn("name")
      .select(["profile_id", "name", "about"])
      .where("org_id", "=", actor.orgId)
      .orderBy("name")
      .orderBy("version", "desc")
      .execute();
    return rows
      .map((row) => ({ profileId: row.profile_id as ProfileId, name: row.name, about: row.about }))
      .toSorted((a, b) => Number(b.name === "default") - Number(a.name === "default"));
  });
}
