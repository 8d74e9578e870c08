import { newId } from "@open-cowork/contracts/ids";
import { lifecycles, workerLifecycle, workerStatuses, type WorkerStatus } from "@open-cowork/contracts/lifecycles";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { drain, end, locked, newTenant, wishOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { countWorkers } from "./count-workers.ts";
import { moveWorker } from "./move-worker.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterAll(() => world.drop());

const move = (to: WorkerStatus, workerId = worker.workerId) =>
  moveWorker(world.as.web.db, world.actor.userId, workerId, to);

async function put(status: WorkerStatus, by = "plane"): Promise<void> {
  await sql`alter table cowork.workers disable trigger guard_move`.execute(world.owner.db);
  await sql`update cowork.workers set status = ${status}, status_by = ${by} where worker_id = ${worker.workerId}`.execute(
    world.owner.db,
  );
  await sql`alter table cowork.workers enable trigger guard_move`.execute(world.owner.db);
}
const standing = async () => {
  const { rows } = await sql<{ status: string; status_by: string }>`
    select status, status_by from cowork.workers where worker_id = ${worker.workerId}`.execute(world.owner.db);
  return rows[0]!;
};

describe("a person who moves a worker", () => {
  const thinkable = workerStatuses.flatMap((from) => workerStatuses.map((to) => [from, to] as const));

  it.each(thinkable)(
    "from %s to %s is allowed or refused as its lifecycle says, and audited when it happens",
    async (from, to) => {
      await put(from);
      const before = (await world.audit()).length;
      const lawful = (workerLifecycle[from].next as readonly string[]).includes(to);
      const answer = await move(to);
      if (lawful) {
        expect(answer).toEqual({ ok: true, value: { leasesEnded: 0 } });
        expect(await standing()).toEqual({ status: to, status_by: "person" });
        expect((await world.audit()).slice(before)).toMatchObject([
          { action: `worker_${to}`, subject: { workerId: worker.workerId } },
        ]);
      } else {
        expect(answer).toEqual({ ok: false, reason: "worker_transition_not_allowed" });
        expect(await standing()).toEqual({ status: from, status_by: "plane" });
        expect(await world.audit()).toHaveLength(before);
      }
    },
  );

  it("is refused an unknown worker and a state that does not exist", async () => {
    expect(await move("active", newId())).toEqual({ ok: false, reason: "not_found" });
    await put("active");
    expect(await move("on holiday" as never)).toEqual({ ok: false, reason: "worker_transition_not_allowed" });
    expect(await move(null as never)).toEqual({ ok: false, reason: "worker_transition_not_allowed" });
    expect(await standing()).toEqual({ status: "active", status_by: "plane" });
  });

  it("sees how many stand in each state", async () => {
    await put("paused");
    expect(await countWorkers(world.as.scheduler.db)).toEqual([{ status: "paused", count: 1 }]);
  });

  it("is one of two at once: one moves it, the other is refused", async () => {
    await put("active");
    const answers = await Promise.all([move("paused"), move("paused")]);
    expect(answers.filter((answer) => answer.ok)).toHaveLength(1);
  });
});

describe("revoking a worker of several organisations", () => {
  it("locks their rows in the order of their ids, whatever the order of the lanes, and so does finishing", async () => {
    const later = await newTenant(world, "later");
    expect(later.orgId > world.actor.orgId).toBe(true);
    for (const [n, act] of (["finish", "revoke"] as const).entries()) {
      const busy = await world.enrol(`busy-${n}`);
      // The lane with the smaller id belongs to the organisation with the larger one.
      await wishOf(world, later, "x");
      await world.wish("y");
      const claims = await world.claimAll(busy, 2);
      expect(claims).toHaveLength(2);
      let acting: Promise<unknown> | undefined;
      await world.owner.db.transaction().execute(async (tx) => {
        await sql`select from cowork.tenants where org_id = ${world.actor.orgId} for no key update`.execute(tx);
        const endings = claims.map(({ lease }) => ({
          token: lease.token,
          batchNo: 1,
          events: [],
          outcome: "succeeded",
          reason: null,
        }));
        acting =
          act === "finish"
            ? sql`select * from worker_api_v1.finish(${endings}::jsonb)`.execute(world.as.worker.db)
            : move("revoked", busy.workerId);
        await locked(world, 1);
        await sql`select from cowork.tenants where org_id = ${later.orgId} for no key update nowait`.execute(tx);
      });
      await acting;
    }
    await drain(world, await world.enrol("janitor"));
  });
});

/** The machines' rows, each brought to where an unlawful move starts. */
describe("the guard of every state", () => {
  it.each([
    ["worker", "workers", "worker_id"],
    ["session", "sessions", "session_id"],
    ["command", "commands", "command_id"],
    ["work", "work", "work_id"],
  ] as const)("refuses each unlawful move of a %s, even by the owner with plain SQL", async (machine, table, id) => {
    const guarded = await world.enrol(`guarded-${machine}`);
    const session = await world.wish();
    const { rows: ids } = await sql<{ worker_id: string; session_id: string; command_id: string; work_id: string }>`
      select ${guarded.workerId}::uuid as worker_id, session_id, command_id, work_id from cowork.work where session_id = ${session}`.execute(
      world.owner.db,
    );
    const states = lifecycles[machine] as Record<string, { next: readonly string[] }>;
    let refused = 0;
    for (const [from, { next }] of Object.entries(states)) {
      for (const to of Object.keys(states).filter((state) => state !== from && !next.includes(state))) {
        const attempt = world.owner.db.transaction().execute(async (tx) => {
          const set = (status: string) =>
            sql`update ${sql.table(`cowork.${table}`)} set status = ${status} where ${sql.ref(id)} = ${ids[0]![id]}`.execute(
              tx,
            );
          // Only to get there: neither the guard nor the checks of the row are what is tried.
          await sql.raw(`alter table cowork.${table} disable trigger guard_move`).execute(tx);
          if (machine === "command")
            await sql`update cowork.commands set status = ${from}, ended_at = case when ${from} in ('succeeded', 'failed', 'cancelled') then now() end
              where command_id = ${ids[0]!.command_id}`.execute(tx);
          else if (machine === "work")
            await sql`update cowork.work set status = ${from}, leased_by = case when ${from} = 'leased' then ${guarded.workerId}::uuid end
              where work_id = ${ids[0]!.work_id}`.execute(tx);
          else await set(from);
          await sql.raw(`alter table cowork.${table} enable trigger guard_move`).execute(tx);
          await set(to);
        });
        await expect(attempt, `${from} to ${to}`).rejects.toMatchObject({ code: "CW001" });
        refused += 1;
      }
    }
    const moves = Object.values(states).flatMap((row) => row.next).length;
    const size = Object.keys(states).length;
    expect(refused).toBe(size * (size - 1) - moves);
  });

  it("lets a lawful move pass", async () => {
    const session = await world.wish();
    await sql`update cowork.sessions set status = 'archived' where session_id = ${session}`.execute(world.owner.db);
    await sql`update cowork.sessions set status = 'open' where session_id = ${session}`.execute(world.owner.db);
    const claims = await world.claimAll(await world.enrol("last"), 10);
    for (const { lease } of claims) await end(world, lease);
    expect(claims.length).toBeGreaterThan(0);
  });
});
