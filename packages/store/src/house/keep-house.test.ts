import { newId } from "@open-cowork/contracts/ids";
import { retention } from "@open-cowork/contracts/timings";
import { eventually } from "@open-cowork/testkit/eventually";
import { sql } from "kysely";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { sealAudit } from "../audit/seal-audit.ts";
import { verifyAudit } from "../audit/verify-audit.ts";
import { readSnapshot } from "../events/read-snapshot.ts";
import { readEvents } from "../events/read-events.ts";
import { settleParts } from "../events/settle-parts.ts";
import { readFeed } from "../feed/read-feed.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { emptyTranscript, foldEvent } from "@open-cowork/contracts/transcript";
import { beat, end, mustBeCounted, workOf } from "../testing/builders.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { endOvertime, keepHouse, keepPartitions } from "./keep-house.ts";

let world: World;
let worker: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
});
afterEach(() => mustBeCounted(world));
afterAll(() => world.drop());

const db = () => world.as.scheduler.db;
const count = async (text: string) =>
  (await sql.raw<{ n: number }>(`select count(*)::int as n from ${text}`).execute(world.owner.db)).rows[0]!.n;
const keep = async (most = 1_000) =>
  Object.fromEntries((await keepHouse(db(), retention, most)).map((one) => [one.kind, one.removed]));
const own = (text: string) => sql.raw(text).execute(world.owner.db);

describe("what nobody asks for any more", () => {
  it("is removed so many rows at once, and what is still wanted stays", async () => {
    const { orgId, userId } = world.actor;
    const hash = "encode(sha256(convert_to(n::text, 'UTF8')), 'hex')";
    await own(`insert into cowork.idempotency (org_id, principal, key, body_hash, answer, expires_at)
      select '${orgId}', '${userId}', n::text, ${hash}, '{}', cowork.now() + case when n > 5 then interval '1 hour' else interval '-1 hour' end
        from generate_series(1, 8) n`);
    await own(`insert into cowork.sign_in_links (link_hash, org_id, user_id, expires_at, used_at)
      select ${hash}, '${orgId}', '${userId}', cowork.now() + interval '1 hour', case when n < 3 then cowork.now() - interval '8 days' end
        from generate_series(1, 4) n`);
    await own(`insert into cowork.browser_sessions (token_hash, org_id, user_id, expires_at)
      select ${hash}, '${orgId}', '${userId}', cowork.now() + case n when 1 then interval '-8 days' else interval '1 day' end
        from generate_series(1, 2) n`);
    expect(await keep(3)).toMatchObject({ idempotency: 3, sign_in_links: 2, browser_sessions: 1 });
    expect(await keep(3)).toMatchObject({ idempotency: 2, sign_in_links: 0, browser_sessions: 0 });
    expect(await keep(3)).toMatchObject({ idempotency: 0 });
    expect(await count("cowork.idempotency")).toBe(3);
    expect(await count("cowork.sign_in_links")).toBe(2);
    expect(await count("cowork.browser_sessions")).toBe(1);
  });

  it("of processes goes a week after they were last heard, but not while one holds a lease", async () => {
    await beat(world, worker);
    const gone = { ...worker, bootId: newId<"boot">() };
    await beat(world, gone);
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await own("update cowork.worker_incarnations set last_seen_at = cowork.now() - interval '8 days'");
    expect(await keep()).toMatchObject({ worker_incarnations: 1 });
    await end(world, lease);
    expect(await keep()).toMatchObject({ worker_incarnations: 1 });
  });

  it("of the feed goes after a day; a reader whose cursor is older is told that it missed something", async () => {
    const reader = (cursor: string | null) => readFeed(world.as.web.db, world.actor, cursor, 1_000);
    const old = (await reader(null)).cursor;
    await world.wish();
    await eventually("the feed tells of the wish", async () => (await reader(old)).facts.length > 0);
    expect(await reader(old)).toMatchObject({ missed: false });
    await own("update cowork.feed set at = at - interval '25 hours'");
    await world.wish();
    expect((await keep())["feed"]).toBeGreaterThan(0);
    const after = await reader(old);
    expect(after).toMatchObject({ facts: [], missed: true });
    await eventually("what stayed is told", async () => !(await reader(after.cursor)).missed);
    await end(world, (await world.claimOne(worker)).lease);
    await end(world, (await world.claimOne(worker)).lease);
  });
});

describe("streaming deltas that a lost attempt left behind", () => {
  it("become one event; every reader, whatever its position, still sees what it saw", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    const text = "half an 👍 answer";
    await appendEvents(world.as.worker.db, [
      {
        lease,
        batchNo: 1,
        events: [
          said.message("msg_1"),
          said.part("msg_1", "prt_1", ""),
          ...Array.from({ length: text.length }, (_, n) => said.delta("msg_1", "prt_1", n, text[n]!)),
          said.delta("msg_1", "prt_unknown", 0, "of no part"),
        ],
      },
    ]);
    const deltas = `cowork.session_events where session_id = '${sessionId}' and type = 'message.part.delta'`;
    expect(await settleParts(db(), 100)).toBe(0);
    const stored = await count(deltas);
    expect(stored).toBeGreaterThan(10);
    await world.advance(15_001);
    await recoverExpiredLeases(db(), 10);

    const read = async () => (await readSnapshot(world.as.web.db, world.actor, sessionId))!;
    const eventsAfter = async (after: number) =>
      (await readEvents(world.as.web.db, world.actor, sessionId, after, 1_000))!.events;
    const before = await read();
    const events = await eventsAfter(0);
    expect(await settleParts(db(), 100)).toBe(stored);
    expect(await settleParts(db(), 100)).toBe(0);
    expect(await count(deltas)).toBe(0);
    expect(await read()).toEqual(before);
    // Half of a pair of surrogates, alone in its delta, is not storable: both sides of it are replaced alike.
    expect(before.transcript.messages["msg_1"]!.parts["prt_1"]!["text"]).toMatch(/^half an .* answer$/u);
    for (let cursor = 0; cursor <= before.through; cursor += 1) {
      const known = events.filter((event) => event.seq <= cursor).reduce(foldEvent, emptyTranscript);
      expect((await eventsAfter(cursor)).reduce(foldEvent, known), `from ${cursor}`).toEqual(before.transcript);
    }
    await end(world, (await world.claimOne(worker)).lease);
  });
});

describe("work that holds its lease for longer than all its attempts may", () => {
  it("is ended, though its worker renews", async () => {
    const sessionId = await world.wish();
    const { lease } = await world.claimOne(worker);
    expect(await endOvertime(db(), 10)).toBe(0);
    for (const table of ["attempts", "work"])
      await own(
        `update cowork.${table} set claimed_at = claimed_at - interval '24 hours' where work_id = '${lease.workId}'`,
      );
    expect(await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 })).toMatchObject([{ ok: true }]);
    expect(await endOvertime(db(), 10)).toBe(1);
    expect((await workOf(world, sessionId))[0]).toMatchObject({ status: "dead", reason: "time_exhausted" });
    expect(await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 })).toMatchObject([{ ok: false }]);
  });
});

describe("months of heartbeats, usage and audit", () => {
  const months = async () => {
    const { rows } = await sql<{ name: string }>`select relname as name from pg_class
      where relnamespace = 'cowork'::regnamespace and relkind = 'r' and relname ~ '_[0-9]{4}_[0-9]{2}$' order by 1`.execute(
      world.owner.db,
    );
    return rows.map((row) => row.name);
  };

  it("are made ahead and dropped when they have had their time, evidence only when all of it is sealed", async () => {
    for (const table of ["worker_heartbeats", "usage", "audit"])
      for (const month of ["2001_01", "2001_02"])
        await own(`create table cowork.${table}_${month} partition of cowork.${table}
          for values from ('${month.replace("_", "-")}-01') to ('${month === "2001_01" ? "2001-02-01" : "2001-03-01"}')`);
    await own(
      `insert into cowork.audit (org_id, action, actor_kind, at) values ('${world.actor.orgId}', 'old', 'operator', '2001-01-15')`,
    );
    expect(await keepPartitions(db(), retention)).toEqual([
      "audit_2001_02",
      "usage_2001_01",
      "usage_2001_02",
      "worker_heartbeats_2001_01",
      "worker_heartbeats_2001_02",
    ]);
    await eventually("all is sealed", async () => {
      await sealAudit(db());
      return (await count("cowork.audit a, cowork.audit_sealer s where a.xid >= s.sealed_to")) === 0;
    });
    expect(await verifyAudit(db())).toEqual([]);
    expect(await keepPartitions(db(), retention)).toEqual(["audit_2001_01"]);
    expect(await keepPartitions(db(), retention)).toEqual([]);
    // The rows are gone and said to be; their seals hold the chain together.
    expect(await verifyAudit(db())).toEqual([]);
    expect((await world.audit()).filter((row) => row.action === "audit_month_dropped")).toHaveLength(2);
    // Of a month that is wanted, nothing may be missing.
    await eventually("the rest is sealed", async () => {
      await sealAudit(db());
      return (await count("cowork.audit a, cowork.audit_sealer s where a.xid >= s.sealed_to")) === 0;
    });
    await own("delete from cowork.audit where action = 'audit_month_dropped'");
    expect(await verifyAudit(db())).not.toEqual([]);
  });

  it("ahead are there again after somebody dropped them", async () => {
    const before = await months();
    const next = before.filter((name) => name.startsWith("usage_"))[1]!;
    await own(`drop table cowork.${next}`);
    await keepPartitions(db(), retention);
    expect(await months()).toEqual(before);
  });
});
