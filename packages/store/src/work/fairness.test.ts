import { newId, type PoolId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { beat, drain, end, enrolIn, newPool, newTenant, setQuota, useProfile, wishOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import { settleReadyWork } from "./settle-ready-work.ts";

let world: World;
let worker: TestWorker;
let janitor: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  janitor = await world.enrol("janitor");
  await setQuota(world, world.actor, "concurrent_sessions", 1_000);
});
beforeEach(async () => {
  worker = await world.enrol(`worker-${newId()}`);
});
afterEach(async () => {
  await world.advance(15_001);
  await recoverExpiredLeases(world.as.scheduler.db, 100);
  await settle();
  await drain(world, janitor, 20);
});
afterAll(() => world.drop());

const settle = () => settleReadyWork(world.as.scheduler.db, 100);
const claimTexts = async (by: TestWorker, limit: number) =>
  (await world.claimAll(by, limit)).map((claimed) => claimed.text);
const classOf = (text: string, value: number) =>
  sql`update cowork.work w set class = ${value}::int from cowork.commands c
    where c.command_id = w.command_id and c.body ->> 'text' = ${text}`.execute(world.owner.db);
const burst = async (actor: Actor, name: string, count: number) => {
  for (let n = 0; n < count; n += 1) await wishOf(world, actor, `${name}${n}`);
};

describe("a noisy organisation", () => {
  it("with many ready rows delays another one's first row by at most a row, and then takes turns with it", async () => {
    const quiet = await newTenant(world, newId());
    await burst(world.actor, "noisy", 30);
    await claimTexts(worker, 3);
    await burst(quiet, "quiet", 5);
    const order = await claimTexts(worker, 10);
    expect(order.findIndex((text) => text.startsWith("quiet"))).toBeLessThanOrEqual(1);
    expect(order.filter((text) => text.startsWith("quiet"))).toHaveLength(5);
  });

  it("does so too after the floors were raised, and when the quiet one has been away for long", async () => {
    const quiet = await newTenant(world, newId());
    await burst(world.actor, "noisy", 40);
    await claimTexts(worker, 20);
    await settle();
    await burst(quiet, "quiet", 8);
    await settle();
    const order = await claimTexts(worker, 16);
    expect(order.findIndex((text) => text.startsWith("quiet"))).toBeLessThanOrEqual(1);
    // An absence is no credit: they alternate, the newcomer does not go first eight times.
    expect(order.slice(0, 8).filter((text) => text.startsWith("noisy")).length).toBeGreaterThanOrEqual(3);
  });

  it("whose sessions follow each other on one warm worker delays it by no more than that", async () => {
    const quiet = await newTenant(world, newId());
    await beat(world, worker);
    const session = await world.wish("noisy0");
    for (let n = 1; n < 12; n += 1) await world.enqueue(session, `noisy${n}`);
    const first = await world.claimOne(worker);
    await wishOf(world, quiet, "quiet");
    await end(world, first.lease);
    const order = (await drain(world, worker)).map((claimed) => claimed.text);
    expect(order.indexOf("quiet")).toBeLessThanOrEqual(1);
  });

  it("does not wait behind a newcomer whose work needs something new, nor is the newcomer put last", async () => {
    const newcomer = await newTenant(world, newId());
    await setQuota(world, newcomer, "concurrent_sessions", 5);
    const capabilities = [`skill-${newId()}`];
    await useProfile(world, newcomer, { capabilities });
    await beat(world, worker, { capabilities });
    await burst(world.actor, "old", 70);
    for (const { lease } of await world.claimAll(worker, 40)) await end(world, lease);
    await burst(newcomer, "new", 12);
    await settle();
    const order: string[] = [];
    for (let n = 0; n < 16; n += 1) {
      const claimed = await world.claimOne(worker);
      order.push(claimed.text.slice(0, 3));
      await end(world, claimed.lease);
      await settle();
    }
    expect(order.slice(0, 2)).toContain("new");
    expect(order.filter((text) => text === "old").length).toBeGreaterThanOrEqual(6);
    expect(order.filter((text) => text === "new").length).toBeGreaterThanOrEqual(6);
  });

  it("is not put last in one pool for what it was given in another", async () => {
    const busy = await newTenant(world, newId());
    await burst(world.actor, "elsewhere", 60);
    for (const { lease } of await world.claimAll(worker, 60)) await end(world, lease);
    const poolId = await newPool(world, newId());
    const local = await enrolIn(world, poolId, `local-${newId()}`);
    await useProfile(world, busy, { poolId });
    await useProfile(world, world.actor, { poolId });
    await burst(busy, "busy", 30);
    await burst(world.actor, "mine", 1);
    const order = await claimTexts(local, 10);
    expect(order.indexOf("mine0")).toBeGreaterThanOrEqual(0);
    expect(order.indexOf("mine0")).toBeLessThanOrEqual(2);
    await drain(world, local, 30);
    const shared = await sql<{
      pool_id: PoolId;
    }>`select pool_id from cowork.workers where worker_id = ${worker.workerId}`.execute(world.owner.db);
    await useProfile(world, world.actor, { poolId: shared.rows[0]!.pool_id });
  });

  it("with twice the weight gets twice the turns", async () => {
    const heavy = await newTenant(world, "heavy", 2);
    const light = await newTenant(world, "light", 1);
    await burst(heavy, "heavy", 30);
    await burst(light, "light", 30);
    const order = await claimTexts(worker, 30);
    const turns = order.filter((text) => text.startsWith("heavy")).length;
    expect(turns).toBeGreaterThanOrEqual(18);
    expect(turns).toBeLessThanOrEqual(22);
  });
});

describe("the classes", () => {
  it("go in their order: interactive, run, background", async () => {
    await burst(world.actor, "row", 3);
    await classOf("row0", 2);
    await classOf("row1", 1);
    expect(await claimTexts(worker, 3)).toEqual(["row2", "row1", "row0"]);
  });

  it("age: a background row that has waited for 60 s stands with the interactive ones, and not before", async () => {
    await wishOf(world, world.actor, "old");
    await classOf("old", 2);
    await burst(world.actor, "young", 1);
    await world.advance(50_000);
    expect(await settle()).toBe(0);
    await world.advance(10_001);
    expect(await settle()).toBe(1);
    expect(await claimTexts(worker, 2)).toEqual(["old", "young0"]);
  });
});

describe("the process that served a session last", () => {
  it("is preferred for its next prompt for half a second; then anybody may take it", async () => {
    const other = await world.enrol(`other-${newId()}`);
    await beat(world, worker);
    const session = await world.wish("one");
    await world.enqueue(session, "two");
    await end(world, (await world.claimOne(worker)).lease);
    expect(await world.claimAll(other)).toEqual([]);
    await world.advance(50);
    expect(await settle()).toBe(0);
    expect(await world.claimAll(other)).toEqual([]);
    await world.advance(451);
    expect(await settle()).toBe(1);
    expect(await claimTexts(other, 1)).toEqual(["two"]);
  });

  it("takes it at once itself", async () => {
    await beat(world, worker);
    const session = await world.wish("one");
    await world.enqueue(session, "two");
    await end(world, (await world.claimOne(worker)).lease);
    expect(await claimTexts(worker, 1)).toEqual(["two"]);
  });

  it.each([
    ["it drains", () => beat(world, worker, { draining: true })],
    ["it has been silent for ten seconds", () => world.advance(10_001)],
    [
      "its worker was paused",
      () =>
        sql`update cowork.workers set status = 'paused' where worker_id = ${worker.workerId}`.execute(world.owner.db),
    ],
  ])("is not preferred when %s", async (_, happens) => {
    const other = await world.enrol(`other-${newId()}`);
    await beat(world, worker);
    const session = await world.wish("one");
    await world.enqueue(session, "two");
    const { lease } = await world.claimOne(worker);
    await happens();
    await end(world, lease);
    expect(await claimTexts(other, 1)).toEqual(["two"]);
  });

  it("can't be impersonated from another pool", async () => {
    await beat(world, worker);
    const session = await world.wish("one");
    await world.enqueue(session, "two");
    await end(world, (await world.claimOne(worker)).lease);
    const stranger = await enrolIn(world, await newPool(world, "elsewhere"), "stranger");
    expect(await world.claimAll({ ...stranger, bootId: worker.bootId })).toEqual([]);
    const sibling = { ...(await world.enrol(`other-${newId()}`)), bootId: newId<"boot">() };
    expect(await world.claimAll(sibling)).toEqual([]);
  });
});
