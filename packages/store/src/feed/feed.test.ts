import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { newTenant, seeded, wishOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { readFeed } from "./read-feed.ts";

let world: World;
let other: Actor;
beforeAll(async () => {
  world = await createWorld();
  other = await newTenant(world, "other");
});
afterAll(() => world.drop());

const read = (cursor: string | null, limit = 100, actor = world.actor) =>
  readFeed(world.as.web.db, actor, cursor, limit);
const present = async () => (await read(null)).cursor;
/** Everything after a cursor that another transaction of the cluster does not hold back for the moment. */
async function readUntil(cursor: string, count: number, limit = 100) {
  const facts: Awaited<ReturnType<typeof read>>["facts"] = [];
  await expect
    .poll(async () => {
      const page = await read(cursor, limit);
      facts.push(...page.facts);
      cursor = page.cursor;
      return facts.length;
    })
    .toBeGreaterThanOrEqual(count);
  return { facts, cursor };
}

describe("the feed", () => {
  it("starts at the present, and then tells each change of a session once", async () => {
    await world.wish();
    const start = await read(null);
    expect(start.facts).toEqual([]);
    const session = await world.wish();
    const { facts, cursor } = await readUntil(start.cursor, 1);
    const own = facts.filter((fact) => fact.entityId === session);
    expect(own).toMatchObject([{ topic: "session" }]);
    expect((await read(cursor)).facts).toEqual([]);
    expect((await read(cursor)).cursor).toBe(cursor);
  });

  it("hides no fact whose transaction took its number first and committed last", async () => {
    const start = await present();
    let late: string | undefined;
    let early: string | undefined;
    await world.owner.db.transaction().execute(async (tx) => {
      const { rows } = await sql<{ id: string }>`
        insert into cowork.feed (org_id, topic, entity_id) values (${world.actor.orgId}, 'session', gen_random_uuid())
          returning entity_id as id`.execute(tx);
      late = rows[0]!.id;
      early = await world.wish();
      // Committed, but behind one that is not.
      expect((await read(start)).facts.map((fact) => fact.entityId)).not.toContain(early);
    });
    const { facts } = await readUntil(start, 2);
    expect(facts.map((fact) => fact.entityId)).toEqual([late, early]);
  });

  it("tells every fact exactly once to a reader beside many writers, whatever the order of their commits", async () => {
    const random = seeded("feed");
    let cursor = await present();
    const written = new Set<string>();
    const seen: string[] = [];
    const writers = Array.from({ length: 6 }, async () => {
      for (let n = 0; n < 8; n += 1) {
        await world.owner.db.transaction().execute(async (tx) => {
          const { rows } = await sql<{ id: string }>`
            insert into cowork.feed (org_id, topic, entity_id) values (${world.actor.orgId}, 'inbox', gen_random_uuid())
              returning entity_id as id`.execute(tx);
          written.add(rows[0]!.id);
          await sql`select pg_sleep(${random.below(10) / 1_000}::float8)`.execute(tx);
        });
      }
    });
    let over = false;
    const all = Promise.all(writers).finally(() => (over = true));
    for (let quiet = 0; quiet < 3;) {
      const page = await read(cursor, 1 + random.below(5));
      seen.push(...page.facts.map((fact) => fact.entityId));
      cursor = page.cursor;
      quiet = over && seen.length >= written.size ? quiet + 1 : 0;
    }
    await all;
    expect(seen.toSorted()).toEqual([...written].sort());
  });

  it("pages in the order of transactions, also where their numbers grow by a digit", async () => {
    await sql`insert into cowork.feed (xid, org_id, topic, entity_id)
      select x::text::xid8, ${other.orgId}, 'fleet', lpad(x::text, 32, '0')::uuid from unnest(array[9, 10, 99, 100]) x`.execute(
      world.owner.db,
    );
    const seen: string[] = [];
    let cursor = "1.0";
    for (let page = await read(cursor, 1, other); page.facts.length > 0; page = await read(cursor, 1, other)) {
      seen.push(...page.facts.map((fact) => fact.entityId.replaceAll(/[0-]*(\d+)$/g, "$1").replace(/^0+/, "")));
      cursor = page.cursor;
    }
    expect(seen.map((id) => Number(id.slice(-3)))).toEqual([9, 10, 99, 100]);
    expect((await read("1.0", 100, other)).facts).toHaveLength(4);
  });

  it("tells an organisation nothing of another", async () => {
    const start = await present();
    const theirs = await wishOf(world, other);
    const ours = await world.wish();
    const { facts } = await readUntil(start, 1);
    expect(facts.map((fact) => fact.entityId)).toEqual([ours]);
    expect((await read("1.0", 1_000)).facts.map((fact) => fact.entityId)).not.toContain(theirs);
  });

  it.each([
    "",
    "garbage",
    "1",
    "1.",
    ".1",
    "-1.0",
    "1.0; drop table cowork.feed",
    "1e9.0",
    "99999999999999999999.1",
    "1.9999999999999999999",
  ])("takes the cursor '%s' for the present", async (cursor) => {
    const page = await read(cursor);
    expect(page.facts).toEqual([]);
    expect(page.cursor).toMatch(/^\d+\.0$/);
  });
});
