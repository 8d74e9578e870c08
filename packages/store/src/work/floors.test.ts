import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { promoteDueWork } from "./promote-due-work.ts";
import { end, miscounted, newTenant, seeded, setQuota, wishOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { settleReadyWork } from "./settle-ready-work.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

/** Ready rows that the index range of a claim would not reach. */
const hidden = async () => {
  const { rows } = await sql`
    select w.work_id, w.tag, r.floor from cowork.work w join cowork.routes r using (route_id)
      where w.status = 'ready' and w.tag < r.floor`.execute(world.owner.db);
  return rows;
};

describe("the floors that claims start from", () => {
  it("rise behind what was claimed", async () => {
    const worker = await world.enrol("worker-a");
    for (let n = 0; n < 5; n += 1) await world.wish();
    for (const { lease } of await world.claimAll(worker, 4)) await end(world, lease);
    await settleReadyWork(world.as.scheduler.db, 10);
    const { rows } = await sql<{ floor: number; tag: number }>`
      select r.floor, w.tag from cowork.routes r join cowork.work w using (route_id) where w.status = 'ready'`.execute(
      world.owner.db,
    );
    expect(rows).toEqual([{ floor: rows[0]!.tag, tag: rows[0]!.tag }]);
    expect(rows[0]!.floor).toBeGreaterThan(0);
    for (const { lease } of await world.claimAll(worker, 4)) await end(world, lease);
  });

  it("wait for a promotion that has not committed, so that its row is not left below them", async () => {
    const worker = await world.enrol("worker-a");
    const { rows: before } = await sql<{ floor: number }>`select floor from cowork.routes`.execute(world.owner.db);
    await world.owner.db.transaction().execute(async (tx) => {
      await sql`select pg_advisory_xact_lock_shared(7482102, route_id) from cowork.routes`.execute(tx);
      for (let n = 0; n < 3; n += 1) await world.wish();
      for (const { lease } of await world.claimAll(worker, 3)) await end(world, lease);
      await settleReadyWork(world.as.scheduler.db, 10);
      expect((await sql<{ floor: number }>`select floor from cowork.routes`.execute(tx)).rows).toEqual(before);
    });
    await settleReadyWork(world.as.scheduler.db, 10);
    const { rows: after } = await sql<{ floor: number }>`select floor from cowork.routes`.execute(world.owner.db);
    expect(after[0]!.floor).toBeGreaterThan(before[0]!.floor);
  });

  it("never hide a ready row, whatever is promoted, claimed and raised beside each other", async () => {
    const random = seeded("floors");
    const tenants = [
      world.actor,
      await newTenant(world, "blue", 0.3),
      await newTenant(world, "green", 7),
      await newTenant(world, "red"),
    ];
    for (const tenant of tenants) await setQuota(world, tenant, "concurrent_sessions", 1 + random.below(6));
    const workers = await Promise.all(["w1", "w2", "w3"].map((name) => world.enrol(name)));
    let wished = 0;
    let claimed = 0;
    let over = false;
    const wishing = tenants.map(async (tenant) => {
      for (let n = 0; n < 40; n += 1) {
        await wishOf(world, tenant);
        wished += 1;
      }
    });
    const claiming = workers.map(async (worker) => {
      for (let idle = 0; idle < 5;) {
        const claims = await world.claimAll(worker, 1 + random.below(4));
        for (const { lease } of claims) await end(world, lease);
        claimed += claims.length;
        if (claims.length === 0 && over) idle += 1;
      }
    });
    const raising = (async () => {
      while (!over) {
        await settleReadyWork(world.as.scheduler.db, 5);
        if (random.below(3) === 0) await promoteDueWork(world.as.scheduler.db, 5);
        expect(await hidden()).toEqual([]);
      }
    })();
    await Promise.all(wishing).finally(() => (over = true));
    await Promise.all([...claiming, raising]);
    for (let left = 1; left > 0;) {
      await promoteDueWork(world.as.scheduler.db, 100);
      const claims = await world.claimAll(workers[0]!, 50);
      for (const { lease } of claims) await end(world, lease);
      left = claims.length;
      claimed += left;
    }
    expect(claimed).toBe(wished);
    expect(await miscounted(world)).toEqual([]);
  });
});
