import { eventually } from "@open-cowork/testkit/eventually";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { DatabaseUnavailable } from "../database/unavailable.ts";
import { newTenant, setQuota, wishOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { promoteDueWork } from "../work/promote-due-work.ts";
import { finishWork } from "../worker-api/finish-work.ts";
import { endStuckBackends } from "./end-stuck-backends.ts";
import { recoverExpiredLeases } from "./recover-expired-leases.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterAll(() => world.drop());

/** Resolves when told; a transaction waits for it as a frozen process would. */
const gate = () => Promise.withResolvers<void>();
const recover = () => recoverExpiredLeases(world.as.scheduler.db, 10);

describe("a worker that sits in a transaction", () => {
  it("pins its lane beyond its lease until its connection is ended; then the work is taken back", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    const entered = gate();
    const frozen = gate();
    const held = world.as.worker.db
      .transaction()
      .execute(async (tx) => {
        // What the role was given, it can take off.
        await sql`set local idle_in_transaction_session_timeout = 0`.execute(tx);
        await sql`set local statement_timeout = 0`.execute(tx);
        await sql`select * from worker_api_v1.renew(array[${lease.token}]::text[], 60000)`.execute(tx);
        entered.resolve();
        await frozen.promise;
        await sql`select 1`.execute(tx);
      })
      .catch((error: unknown) => error);
    await entered.promise;
    await world.advance(15_001);
    expect(await recover()).toEqual([]);

    // Younger than asked for: left alone.
    expect(await endStuckBackends(world.as.scheduler.db, 60_000)).toBe(0);
    expect(await endStuckBackends(world.as.scheduler.db, 1)).toBe(1);
    const recovered = await eventually("the lane is free again", async () => {
      const taken = await recover();
      return taken.length > 0 && taken;
    });
    expect(recovered).toMatchObject([{ decision: "queued" }]);
    frozen.resolve();
    expect(await held).toBeInstanceOf(DatabaseUnavailable);
    expect((await world.claimOne(worker)).lease).toMatchObject({ workId: lease.workId, attempt: 2 });
  });

  it("in the middle of a finish pins its organisation's row, and holds up nobody else", async () => {
    const stranger = await newTenant(world, "stranger");
    const [held, own] = [await world.wish(), await world.wish()];
    const theirs = await wishOf(world, stranger);
    for (const actor of [world.actor, stranger]) {
      await setQuota(world, actor, "concurrent_sessions", 3);
      for (let n = 0; n < 3; n += 1) await wishOf(world, actor, `waits ${n}`);
    }
    const leases = new Map((await world.claimAll(worker, 3)).map(({ lease }) => [lease.sessionId, lease]));
    await world.as.worker.db.transaction().execute(async (tx) => {
      await finishWork(tx, { lease: leases.get(held)!, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
      await world.advance(15_001);
      expect(await recover()).toMatchObject([{ sessionId: theirs, decision: "queued" }]);
      for (const actor of [world.actor, stranger]) await setQuota(world, actor, "concurrent_sessions", 50);
      expect((await promoteDueWork(world.as.scheduler.db, 10)).promoted).toBe(1);
    });
    expect((await recover()).map(({ sessionId }) => sessionId)).toContain(own);
  });

  it("also when it runs a statement that never ends", async () => {
    const running = sql`select pg_sleep(30)`.execute(world.as.worker.db).catch((error: unknown) => error);
    await eventually("the statement was ended", async () => (await endStuckBackends(world.as.scheduler.db, 50)) === 1);
    expect(await running).toBeInstanceOf(DatabaseUnavailable);
  });

  it("is the only one to be ended: the door, the clock, the owner and idle workers go on", async () => {
    const entered = [gate(), gate(), gate()];
    const done = gate();
    const others = [world.as.web, world.as.scheduler, world.owner].map((database, n) =>
      database.db.transaction().execute(async (tx) => {
        await sql`select txid_current_if_assigned()`.execute(tx);
        entered[n]!.resolve();
        await done.promise;
        return (await sql<{ alive: number }>`select 1 as alive`.execute(tx)).rows;
      }),
    );
    await Promise.all(entered.map((one) => one.promise));
    await sql`select cowork.now()`.execute(world.as.worker.db);
    expect(await endStuckBackends(world.as.scheduler.db, 0)).toBe(0);
    done.resolve();
    expect(await Promise.all(others)).toEqual([[{ alive: 1 }], [{ alive: 1 }], [{ alive: 1 }]]);
  });

  it("can be ended by the clock's function only: neither the door nor a worker may call it", async () => {
    for (const role of ["web", "worker"] as const)
      await expect(endStuckBackends(world.as[role].db, 0)).rejects.toMatchObject({ code: "42501" });
  });
});
