import { sql } from "kysely";
import { eventually } from "@open-cowork/testkit/eventually";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { lockSealer, sealAudit, sealUpTo, type SealedChain } from "../audit/seal-audit.ts";
import { headKey, verifyAudit } from "../audit/verify-audit.ts";
import { restoredProblem, selfCheck } from "../database/self-check.ts";
import { readEpoch } from "../events/read-epoch.ts";
import { readFeed } from "../feed/read-feed.ts";
import { newTenant, undone, wishOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { afterRestore } from "./after-restore.ts";

/** As in a cluster that has run for long: its transactions are numbered far beyond those of the one it is restored into. */
const older = 5_000_000_000n;
let world: World;
const heads = new Map<string, string>();
beforeEach(async () => {
  world = await createWorld();
  heads.clear();
  await newTenant(world, "other");
  for (let n = 0; n < 3; n += 1) await wishOf(world, world.actor);
  for (let n = 0; n < 6; n += 1) await note();
  await sql`insert into cowork.audit (action, actor_kind) values ('of nobody', 'operator')`.execute(world.owner.db);
  for (const table of ["audit", "feed"])
    await sql
      .raw(`update cowork.${table} set xid = (xid::text::bigint + ${older})::text::xid8`)
      .execute(world.owner.db);
  await world.owner.db.transaction().execute(async (tx) => {
    const { rows } = await sql<{
      to: string;
    }>`select (max(xid)::text::bigint - 1)::text as to from cowork.audit`.execute(tx);
    remember(await sealUpTo(tx, { ...(await lockSealer(tx))!, to: rows[0]!.to }));
  });
});
afterEach(() => world.drop());

const note = () =>
  sql`insert into cowork.audit (org_id, action, actor_kind) values (${world.actor.orgId}, 'noted', 'operator')`.execute(
    world.owner.db,
  );
const remember = (sealed: SealedChain[]) => {
  for (const one of sealed) heads.set(headKey(one), one.head);
};
const verify = () => verifyAudit(world.as.scheduler.db, heads);
const sealAll = () =>
  eventually("everything is sealed", async () => {
    remember((await sealAudit(world.as.scheduler.db)).sealed);
    const { rows } = await sql<{ open: number }>`select count(*)::int as open from cowork.audit a, cowork.audit_sealer s
      where a.era = s.era and a.xid >= s.sealed_to`.execute(world.owner.db);
    return rows[0]!.open === 0;
  });

describe("a database whose transactions are numbered below what was sealed", () => {
  it("is refused by every service with one line that names the command, and its sealer goes nowhere", async () => {
    for (const role of ["web", "scheduler", "worker"] as const)
      expect(await selfCheck(world.as[role], role)).toEqual([restoredProblem]);
    const sealedTo = () => sql`select era, sealed_to from cowork.audit_sealer`.execute(world.owner.db);
    const before = (await sealedTo()).rows;
    await expect(sealAudit(world.as.scheduler.db)).rejects.toThrow(restoredProblem);
    expect((await sealedTo()).rows).toEqual(before);
  });

  it("begins a new life: services start, the audit verifies across it, and cursors of before are known to be old", async () => {
    const [epoch, feed] = [await readEpoch(world.owner.db), await readFeed(world.as.web.db, world.actor, null, 10)];
    const life = await afterRestore(world.owner.db);
    remember(life.closed);
    expect(life).toMatchObject({
      era: 2,
      closed: [{ era: 1 }, { era: 1 }],
    });
    expect(await readEpoch(world.as.web.db)).toBe(life.epoch);
    expect(life.epoch).not.toBe(epoch);
    for (const role of ["web", "scheduler", "worker"] as const)
      expect(await selfCheck(world.as[role], role)).toEqual([]);

    const now = await readFeed(world.as.web.db, world.actor, null, 10);
    await wishOf(world, world.actor);
    await eventually("the feed tells what came after", async () => {
      return (await readFeed(world.as.web.db, world.actor, now.cursor, 10)).facts.length > 0;
    });
    expect((await readFeed(world.as.web.db, world.actor, feed.cursor, 10)).facts.length).toBeGreaterThan(0);

    await note();
    await sealAll();
    expect(await verify()).toEqual([]);
    const { rows } = await sql<{ org_id: string | null }>`
      select org_id from cowork.audit where action = 'plane_restored' and era = 2`.execute(world.owner.db);
    expect(new Set(rows.map((row) => row.org_id))).toEqual(new Set([world.actor.orgId, null]));
    // And another.
    remember((await afterRestore(world.owner.db)).closed);
    await note();
    await sealAll();
    expect(await verify()).toEqual([]);
  });

  it("says of heads that were given outside after the backup that they are lost, not that somebody cut the chain", async () => {
    heads.set(headKey({ chain: world.actor.orgId, era: 1, sealNo: 7 }), "a".repeat(64));
    await afterRestore(world.owner.db);
    expect(await verify()).toEqual([{ chain: world.actor.orgId, era: 1, sealNo: 7, problem: "lost" }]);
  });

  it.each([
    ["a row of an era that is over", "delete from cowork.audit where action = 'noted' and era = 1"],
    ["a row's era", "update cowork.audit set era = 2 where action = 'of nobody'"],
    ["a row's era to one that never was", "update cowork.audit set era = 9 where action = 'of nobody'"],
    ["the link between two eras", "update cowork.audit_seals set previous = repeat('0', 64) where era = 2"],
    ["the seals of a whole era", "delete from cowork.audit_seals where era = 1"],
  ])("still shows that somebody changed %s", async (_, harm) => {
    remember((await afterRestore(world.owner.db)).closed);
    await note();
    await sealAll();
    const found = await undone(world, async (tx) => {
      await sql.raw(harm).execute(tx);
      return verifyAudit(tx, new Map());
    });
    expect(found.length).toBeGreaterThan(0);
  });
});

describe("a copy of a database", () => {
  it("is refused too, though its transactions go on", async () => {
    const copy = await createWorld();
    await sql`update cowork.plane set database_oid = 1`.execute(copy.owner.db);
    expect(await selfCheck(copy.as.scheduler, "scheduler")).toEqual([restoredProblem]);
    await afterRestore(copy.owner.db);
    expect(await selfCheck(copy.as.scheduler, "scheduler")).toEqual([]);
    await copy.drop();
  });
});
