import { findAlteredRoles } from "@open-cowork/store/database/find-altered-roles";
import type { LoopWorld } from "./world.ts";

/** Says so, loudly and once per change, when somebody set something on the database roles that services share. */
export function roleTick({ database, telemetry }: LoopWorld): () => Promise<void> {
  let known = "";
  let altered: string[] = [];
  telemetry.gauge("cowork_role_settings_altered", () => [{ value: altered.length, labels: {} }]);
  return async () => {
    altered = await findAlteredRoles(database.db);
    const told = known;
    known = altered.join("; ");
    if (known === told) return;
    if (altered.length > 0)
      telemetry.log.error(
        { altered },
        "settings of the services' database roles were altered, perhaps by a worker that was taken over: find out, then set up again (pnpm start, or setUpDatabase) to reset them",
      );
    else telemetry.log.info("the services' database roles have their own settings again");
  };
}
