import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { enrolIn, newPool, newTenant, useProfile, wishOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";

let world: World;
let stranger: Actor;
beforeAll(async () => {
  world = await createWorld();
  stranger = await newTenant(world, "stranger");
});
afterAll(() => world.drop());

const mine = async () => {
  const poolId = newId<"pool">();
  await sql`insert into cowork.worker_pools (pool_id, org_id, name) values (${poolId}, ${world.actor.orgId}, ${poolId})`.execute(
    world.owner.db,
  );
  return poolId;
};

it("a pool that belongs to an organisation serves its profiles and can't be named by another's", async () => {
  const poolId = await mine();
  await useProfile(world, world.actor, { poolId });
  await expect(useProfile(world, stranger, { poolId })).rejects.toMatchObject({ code: "CW002" });
  await expect(
    sql`update cowork.profiles set pool_id = ${poolId} where org_id = ${stranger.orgId}`.execute(world.owner.db),
  ).rejects.toMatchObject({ code: "CW002" });
  await wishOf(world, stranger);
  const sessionId = await wishOf(world, world.actor);
  expect(
    (await world.claimAll(await enrolIn(world, poolId, "private"))).map((claimed) => claimed.lease.sessionId),
  ).toEqual([sessionId]);
});

it("a pool stays with whom it was made for, so that no profile names it any more that may not", async () => {
  const [own, shared] = [await mine(), await newPool(world, "shared")];
  await useProfile(world, stranger, { poolId: shared });
  for (const change of [
    sql`update cowork.worker_pools set org_id = ${world.actor.orgId} where pool_id = ${shared}`,
    sql`update cowork.worker_pools set org_id = null where pool_id = ${own}`,
  ])
    await expect(change.execute(world.owner.db)).rejects.toMatchObject({ code: "CW002" });
  await sql`update cowork.worker_pools set name = 'renamed' where pool_id = ${own}`.execute(world.owner.db);
});
