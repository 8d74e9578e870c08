import { newId, type PoolId, type WorkerId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/**
 * Enrols a worker by name and gives it a credential, known to the database by its hash only. Active at once: the policy
 * of a plane whose operator is also its only user. Needs the owner's connection. Repeatable: the newest credential of a
 * name is the valid one.
 */
export async function ensureWorker(
  owner: Db,
  worker: { poolId: PoolId; name: string; credentialHash: string; validDays: number },
): Promise<WorkerId> {
  return owner.transaction().execute(async (tx) => {
    const inserted = await sql<{ worker_id: WorkerId; is_new: boolean }>`
      insert into cowork.workers (worker_id, pool_id, name, status) values (${newId()}, ${worker.poolId}, ${worker.name}, 'active')
        on conflict (pool_id, name) do update set name = excluded.name returning worker_id, xmax = 0 as is_new`.execute(
      tx,
    );
    const workerId = inserted.rows[0]!.worker_id;
    await sql`update cowork.worker_credentials set revoked_at = cowork.now()
      where worker_id = ${workerId} and revoked_at is null and credential_hash <> ${worker.credentialHash}`.execute(tx);
    if (inserted.rows[0]!.is_new) await note(tx, "worker_registered", workerId);
    const issued =
      await sql`insert into cowork.worker_credentials (credential_id, worker_id, credential_hash, expires_at)
      values (${newId()}, ${workerId}, ${worker.credentialHash}, cowork.now() + make_interval(days => ${worker.validDays}::int))
      on conflict (credential_hash) do nothing returning credential_id`.execute(tx);
    if (issued.rows.length > 0) await note(tx, "credential_issued", workerId);
    return workerId;
  });
}

/** Evidence of its pool's organisation, or of the plane itself when the pool is shared. */
async function note(tx: Db, action: "worker_registered" | "credential_issued", workerId: WorkerId): Promise<void> {
  await sql`insert into cowork.audit (org_id, action, actor_kind, subject)
    select p.org_id, ${action}, 'operator', jsonb_build_object('workerId', w.worker_id, 'poolId', p.pool_id)
      from cowork.workers w join cowork.worker_pools p using (pool_id) where w.worker_id = ${workerId}`.execute(tx);
}
