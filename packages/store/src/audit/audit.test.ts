import { eventually } from "@open-cowork/testkit/eventually";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { inOrg } from "../database/in-org.ts";
import { beat, newTenant, undone, wishOf } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import { platformChain } from "./row-text.ts";
import { sealAudit } from "./seal-audit.ts";
import { headKey, verifyAudit } from "./verify-audit.ts";

let world: World;
const heads = new Map<string, string>();
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

const seal = async () => {
  const { sealed } = await sealAudit(world.as.scheduler.db);
  for (const one of sealed) heads.set(headKey(one), one.head);
  return sealed;
};
const verify = (known = heads) => verifyAudit(world.as.scheduler.db, known);
const note = (action: string, db: Pick<World["owner"], "db">["db"] = world.owner.db) =>
  sql`insert into cowork.audit (org_id, action, actor_kind) values (${world.actor.orgId}, ${action}, 'operator')`.execute(
    db,
  );

/** Seals until everything that has been written is under one; other databases of the cluster hold no xid of this one. */
async function sealAll(): Promise<void> {
  await eventually("everything is sealed", async () => {
    await seal();
    const { rows } = await sql<{ open: number }>`select count(*)::int as open from cowork.audit, cowork.audit_sealer
      where xid >= sealed_to`.execute(world.owner.db);
    return rows[0]!.open === 0;
  });
}

/** Does harm, returns what the verifier says, and undoes the harm. */
function afterHarm(harm: string, known = heads) {
  return undone(world, async (tx) => {
    await sql.raw(harm).execute(tx);
    return verifyAudit(tx, known);
  });
}

describe("the sealer", () => {
  it("chains what has committed, each organisation by itself and the plane's own apart", async () => {
    const other = await newTenant(world, "other");
    await note("first");
    await sql`insert into cowork.audit (org_id, action, actor_kind) values (${other.orgId}, 'theirs', 'operator')`.execute(
      world.owner.db,
    );
    await beat(world, { ...(await world.enrol("w")), credential: "unknown" });
    await sealAll();
    const { rows } = await sql<{ chain: string; rows: number }>`
      select chain, sum(row_count)::int as rows from cowork.audit_seals group by chain order by chain`.execute(
      world.owner.db,
    );
    expect(rows).toEqual(
      [
        // The pool, the worker, its credential, and the heartbeat with a wrong one.
        { chain: platformChain, rows: 4 },
        { chain: world.actor.orgId, rows: 1 },
        { chain: other.orgId, rows: 1 },
      ].sort((a, b) => (a.chain < b.chain ? -1 : 1)),
    );
    expect(await seal()).toEqual([]);
    expect(await verify()).toEqual([]);
  });

  it("leaves out what a running transaction may still write: its row is in a later seal, and all of it verifies", async () => {
    await sealAll();
    let late: Awaited<ReturnType<typeof seal>> = [];
    await world.owner.db.transaction().execute(async (tx) => {
      await note("late", tx);
      await note("early");
      // The early one has the higher number and waits for the late one, which could still stand before it.
      expect(await seal()).toEqual([]);
      expect(await seal()).toEqual([]);
    });
    await expect.poll(async () => (late = [...late, ...(await seal())]).length).toBeGreaterThan(0);
    await sealAll();
    const sealed = late.filter((one) => one.chain === world.actor.orgId).reduce((sum, one) => sum + one.rows, 0);
    expect(sealed).toBeGreaterThanOrEqual(1);
    expect(await verify()).toEqual([]);
  });

  it("is one of several at once: no row is sealed twice and none is left out", async () => {
    for (let n = 0; n < 5; n += 1) {
      await note(`row-${n}`);
      await Promise.all([seal(), seal(), seal()]);
    }
    await sealAll();
    const { rows } = await sql<{ sealed: number; written: number }>`
      select (select sum(row_count)::int from cowork.audit_seals) as sealed, (select count(*)::int from cowork.audit) as written`.execute(
      world.owner.db,
    );
    expect(rows[0]!.sealed).toBe(rows[0]!.written);
    expect(await verify()).toEqual([]);
  });

  it("takes a backlog in bounded pieces that together hold every row once, a large transaction in one", async () => {
    await sealAll();
    for (let n = 0; n < 250; n += 1) await note(`backlog-${n}`);
    await sql`insert into cowork.audit (org_id, action, actor_kind)
      select ${world.actor.orgId}, 'at once ' || n, 'operator' from generate_series(1, 150) n`.execute(world.owner.db);
    for (let n = 0; n < 20; n += 1) await note(`after-${n}`);
    const pieces: number[] = [];
    await eventually("the backlog is sealed", async () => {
      const { sealed, more } = await sealAudit(world.as.scheduler.db, 100);
      for (const one of sealed) heads.set(headKey(one), one.head);
      const rows = sealed.reduce((sum, one) => sum + one.rows, 0);
      // Nothing is left out to be in bounds: a piece ends between two transactions.
      if (more) expect(rows).toBeGreaterThan(0);
      if (rows > 0) pieces.push(rows);
      return pieces.reduce((sum, count) => sum + count, 0) === 420;
    });
    expect(pieces.filter((rows) => rows > 100)).toEqual([150]);
    expect(pieces.length).toBeGreaterThanOrEqual(5);
    expect(await verify()).toEqual([]);
  });

  it("may neither change nor remove what it sealed, and the door can read its own chain only", async () => {
    for (const text of [
      "update cowork.audit set action = 'x'",
      "delete from cowork.audit",
      "update cowork.audit_seals set head = previous",
      "delete from cowork.audit_seals",
    ])
      await expect(sql.raw(text).execute(world.as.scheduler.db), text).rejects.toMatchObject({ code: "42501" });
    expect((await sql`select from cowork.audit_seals`.execute(world.as.web.db)).rows).toEqual([]);
  });

  it("can't be fooled from the door: a row there can't choose its transaction or its time", async () => {
    const insert = (columns: string, values: string) =>
      inOrg(world.as.web.db, world.actor, (tx) =>
        sql
          .raw(`insert into cowork.audit (org_id, action, actor_kind ${columns})
            values ('${world.actor.orgId}', 'x', 'user' ${values})`)
          .execute(tx),
      );
    await insert("", "");
    await expect(insert(", xid", ", '5'::xid8")).rejects.toMatchObject({ code: "42501" });
    await expect(insert(", at", ", now() - interval '1 day'")).rejects.toMatchObject({ code: "42501" });
  });
});

describe("the verifier", () => {
  let chain: string;
  beforeAll(async () => {
    chain = world.actor.orgId;
    for (let n = 0; n < 3; n += 1) {
      await wishOf(world, world.actor);
      await note(`one-${n}`);
      await note(`two-${n}`);
      await sealAll();
    }
  });
  beforeEach(async () => {
    const broken = await verify();
    if (broken.length > 0) throw new Error(`broken before any harm: ${JSON.stringify(broken)}`);
  });

  const sealed = (action: string) => `action = '${action}' and org_id = '${chain}'`;

  it.each([
    ["removed", () => `delete from cowork.audit where ${sealed("one-1")}`],
    ["edited", () => `update cowork.audit set reason = 'nothing happened' where ${sealed("one-1")}`],
    ["moved to another organisation", () => `update cowork.audit set org_id = null where ${sealed("one-1")}`],
    ["dated back", () => `update cowork.audit set at = at - interval '1 second' where ${sealed("one-1")}`],
    [
      "swapped with another",
      () => `update cowork.audit a set action = case a.action when 'one-1' then 'two-1' else 'one-1' end
        where a.org_id = '${chain}' and a.action in ('one-1', 'two-1')`,
    ],
    [
      "swapped with another in its place",
      () => `update cowork.audit a set xid = b.xid, audit_id = default from cowork.audit b
        where a.org_id = '${chain}' and a.action = 'one-1' and b.org_id = '${chain}' and b.action = 'two-1'`,
    ],
    [
      "added",
      () => `insert into cowork.audit (org_id, action, actor_kind, xid)
        select org_id, 'forged', 'operator', xid from cowork.audit where ${sealed("one-1")}`,
    ],
  ])("finds a row that was %s", async (_, harm) => {
    const found = await afterHarm(harm());
    expect(found.filter((one) => one.chain === chain && one.problem === "rows").length).toBeGreaterThan(0);
  });

  it("finds a row that was added where its organisation had none, between two seals and in a chain of nobody", async () => {
    const gap = await sql<{ xid: string }>`
      select (s.from_xid::text::bigint - 1)::text as xid from cowork.audit_seals s
        where s.chain = ${chain} and s.seal_no > 1 and not exists (
          select from cowork.audit_seals p where p.chain = s.chain and p.to_xid = s.from_xid) limit 1`.execute(
      world.owner.db,
    );
    const xid = gap.rows[0]?.xid ?? "3";
    const forge = (orgId: string) =>
      `insert into cowork.audit (org_id, action, actor_kind, xid) values ('${orgId}', 'forged', 'operator', '${xid}')`;
    expect(await afterHarm(forge(chain))).not.toEqual([]);
    expect(await afterHarm(forge("00000000-0000-7000-8000-000000000001"))).not.toEqual([]);
    // Behind its last seal, where the sealer has already been.
    await beat(world, { ...(await world.enrol("later")), credential: "unknown" });
    await sealAll();
    const behind = `insert into cowork.audit (org_id, action, actor_kind, xid)
      select '${chain}', 'forged', 'operator', max(to_xid::text::bigint - 1)::text::xid8 from cowork.audit_seals where chain <> '${chain}'`;
    expect(await afterHarm(behind)).not.toEqual([]);
  });

  it.each([
    ["its count", "row_count = row_count + 1"],
    ["its head", "head = previous"],
    ["its link", "previous = repeat('a', 64)"],
    ["its range", "to_xid = (to_xid::text::bigint + 1)::text::xid8"],
    ["its rows", "rows_sha256 = repeat('b', 64)"],
  ])("finds a seal of which %s was edited", async (_, change) => {
    const found = await afterHarm(`update cowork.audit_seals set ${change} where chain = '${chain}' and seal_no = 2`);
    expect(found.map((one) => [one.chain, one.sealNo])).toContainEqual([chain, 2]);
  });

  it("finds a seal that was taken out of the middle", async () => {
    const found = await afterHarm(`delete from cowork.audit_seals where chain = '${chain}' and seal_no = 2`);
    expect(found.length).toBeGreaterThan(0);
  });

  it("finds a chain that was cut at its end or removed, rows and all, by the heads that were given outside", async () => {
    const last = Math.max(
      ...[...heads.keys()].filter((key) => key.startsWith(chain)).map((key) => Number(key.split("#")[2])),
    );
    const cut = `delete from cowork.audit a using cowork.audit_seals s where s.chain = '${chain}' and s.seal_no = ${last}
        and a.org_id = s.chain and a.xid >= s.from_xid and a.xid < s.to_xid;
      delete from cowork.audit_seals where chain = '${chain}' and seal_no = ${last}`;
    expect(await afterHarm(cut)).toContainEqual({ chain, era: 1, sealNo: last, problem: "head" });
    const all = `delete from cowork.audit where org_id = '${chain}'; delete from cowork.audit_seals where chain = '${chain}'`;
    expect((await afterHarm(all)).map((one) => one.sealNo)).toContain(last);
  });

  it("finds a chain that its owner made anew, which without the heads given outside would pass", async () => {
    expect(await forged(new Map())).toEqual([]);
    expect((await forged(heads)).filter((one) => one.problem === "head").length).toBeGreaterThan(0);
  });

  /** An owner rewrites one row, throws the seals away and has them made again, with the product's own sealer. */
  function forged(known: typeof heads) {
    return undone(world, async (tx) => {
      await sql.raw(`update cowork.audit set reason = 'nothing happened' where ${sealed("one-1")}`).execute(tx);
      await sql`delete from cowork.audit_seals`.execute(tx);
      await sql`update cowork.audit_sealer set sealed_to = '0'`.execute(tx);
      // The sealer's own transaction, inside of ours.
      const inside = { transaction: () => ({ execute: (work: (inner: unknown) => unknown) => work(tx) }) };
      await sealAudit(inside as never);
      return verifyAudit(tx, known);
    });
  }
});
