import { createHash } from "node:crypto";
import { newId } from "@open-cowork/contracts/ids";
import { limits } from "@open-cowork/contracts/timings";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import { ensureFirstOwner } from "../identity/ensure-first-owner.ts";
import { beat, end, enrolIn } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { ensureWorker } from "../workers/ensure-worker.ts";
import { markUnhealthyWorkers } from "../workers/mark-unhealthy-workers.ts";
import { moveWorker } from "../workers/move-worker.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

const evidenceOf = async (key: string, id: string) => {
  const { rows } = await sql<{
    org_id: string | null;
    action: string;
    reason: string | null;
    subject: Record<string, unknown>;
  }>`
    select org_id, action, reason, subject from cowork.audit where subject ->> ${key}::text = ${id} order by audit_id`.execute(
    world.owner.db,
  );
  return rows;
};
const privatePool = async () => {
  const poolId = newId<"pool">();
  await sql`insert into cowork.worker_pools (pool_id, org_id, name) values (${poolId}, ${world.actor.orgId}, ${poolId})`.execute(
    world.owner.db,
  );
  return poolId;
};

describe("evidence is left", () => {
  it("of the first pool, once", async () => {
    const again = { email: "ada@example.org", displayName: "Ada", orgName: "Example" };
    const { poolId } = await ensureFirstOwner(world.owner.db, again);
    expect(await evidenceOf("poolId", poolId)).toMatchObject([{ org_id: null, action: "pool_created" }]);
  });

  it("of a worker that is registered and of each credential, in its organisation when the pool has one", async () => {
    const poolId = await privatePool();
    const issue = (credential: string) =>
      ensureWorker(world.owner.db, {
        poolId,
        name: "w",
        credentialHash: createHash("sha256").update(credential).digest("hex"),
        validDays: 1,
      });
    const workerId = await issue("one");
    await issue("one");
    await issue("two");
    const { orgId } = world.actor;
    expect(await evidenceOf("workerId", workerId)).toMatchObject([
      { org_id: orgId, action: "worker_registered" },
      { org_id: orgId, action: "credential_issued" },
      { org_id: orgId, action: "credential_issued" },
    ]);
  });

  it("of a worker's moves, in its organisation when the pool has one", async () => {
    const worker = await enrolIn(world, await privatePool(), "w");
    await beat(world, worker);
    await world.advance(30_001);
    expect(await markUnhealthyWorkers(world.as.scheduler.db, 30_000)).toContain(worker.workerId);
    await beat(world, worker);
    await moveWorker(world.as.web.db, world.actor.userId, worker.workerId, "paused");
    await moveWorker(world.as.web.db, world.actor.userId, worker.workerId, "revoked");
    const moves = (await evidenceOf("workerId", worker.workerId)).slice(2);
    expect(moves.map((row) => [row.org_id, row.action])).toEqual(
      ["worker_unhealthy", "worker_paused", "worker_revoked"].map((action) => [world.actor.orgId, action]),
    );
    const { rows } = await sql`select org_id from cowork.audit
      where action = 'worker_activated' and actor_id = ${worker.workerId}`.execute(world.owner.db);
    expect(rows).toEqual([{ org_id: world.actor.orgId }]);
  });

  it("of a prompt that its session has no room for", async () => {
    const sessionId = await world.wish();
    for (let n = 1; n < limits.waitingPromptsPerSession; n += 1) await world.enqueue(sessionId, "more");
    const last = await enqueuePrompt(world.as.web.db, world.actor, sessionId, { text: "too many", traceparent: null });
    expect(last).toEqual({ ok: false, reason: "queue_full" });
    expect(await evidenceOf("sessionId", sessionId)).toMatchObject([{ action: "quota_denied", reason: "queue_full" }]);
  });

  it("of an attempt's renewals at its end, as their number and the last", async () => {
    const worker = await world.enrol("renews");
    const { lease } = await world.claimOne(worker);
    for (let n = 0; n < 3; n += 1) await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 });
    await end(world, lease, { kind: "released", reason: "worker_draining" });
    const again = await world.claimOne(worker);
    expect(again.lease.workId).toBe(lease.workId);
    await end(world, again.lease);
    const ends = (await evidenceOf("workId", lease.workId)).filter((row) => row.action !== "work_claimed");
    expect(ends.map((row) => row.subject)).toMatchObject([
      { attempt: 1, renewals: 3, renewedAt: expect.any(String) },
      { attempt: 2, renewals: 0, renewedAt: null },
    ]);
  });
});
