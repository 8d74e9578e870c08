import { WorkerHeartbeat } from "@open-cowork/contracts/http";
import { idSchema } from "@open-cowork/contracts/ids";
import { heartbeat } from "@open-cowork/store/worker-api/heartbeat";
import type { Door } from "../door/mount-routes.ts";
import { readJson } from "../door/read-body.ts";
import type { Handlers } from "../door/visit.ts";

/** For a worker that may reach the door but not the database: the same verb that every worker calls. */
export function workerRoutes({ database }: Door): Pick<Handlers, "workerHeartbeat"> {
  return {
    workerHeartbeat: async (visit) => {
      const workerId = idSchema<"worker">().safeParse(visit.c.req.param("workerId"));
      if (!workerId.success) return { ok: false, reason: "credential_invalid" };
      const body = await readJson(visit, WorkerHeartbeat);
      if (!body.ok) return body;
      const beaten = await heartbeat(database.db, {
        workerId: workerId.data,
        credential: visit.credential,
        body: body.value,
      });
      return beaten.ok ? Response.json(beaten.value) : beaten;
    },
  };
}
