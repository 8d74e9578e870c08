import { systemClock } from "@open-cowork/contracts/clock";
import { eventually } from "@open-cowork/testkit/eventually";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import type { Tx } from "../database/in-org.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { beat, newTenant, setQuota, wishOf } from "../testing/builders.ts";
import { openSession } from "../testing/open-session.ts";
import { createWorld, said, type World } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { claimWork } from "../worker-api/claim-work.ts";
import type { Lease } from "../worker-api/lease.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { takeSignals } from "../worker-api/take-signals.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import { openDirector, type Director } from "./director.ts";
import { hold, rows, type Row } from "./rows.ts";
import type { VerbName } from "./verbs.ts";

/** The interleavings that are known to bite, each by name; open-pairs.e2e.test.ts and stopped-pairs.e2e.test.ts play all of them. */
let director: Director;
beforeAll(async () => {
  director = await openDirector(2);
});
afterAll(() => director.close());

const either = async (a: VerbName, b: VerbName) => [
  ...(await director.open(a, b, "commit")),
  ...(await director.open(a, b, "rollback")),
  ...(await director.open(b, a, "commit")),
  ...(await director.open(b, a, "rollback")),
];
const stopped = async (a: VerbName, b: VerbName, ...at: Row[]) => {
  const problems: string[] = [];
  for (const row of at) problems.push(...(await director.gated([a, b], row)), ...(await director.gated([b, a], row)));
  return problems;
};

describe("nobody is in the way:", () => {
  it.each(["claim", "recover_lease"] as const)("%s answers at once while others hold every lane", async (name) => {
    const { stage, seats } = director;
    await stage.restore();
    const lanes = rows.filter((row) => row.startsWith("lane"));
    const release = await seats.hold(lanes.map((row) => hold(row, stage.scene)));
    const startedAt = systemClock.monotonicMs();
    const started = seats.start(0, name);
    const waitsFor = await seats.reached(started);
    await release();
    await seats.ended(started);
    expect(waitsFor).toEqual([]);
    expect(systemClock.monotonicMs() - startedAt).toBeLessThan(1_000);
  });

  it("calls that end work of several organisations lock them in one order", async () => {
    expect(
      await stopped("finish of two organisations", "release of two organisations", "tenant one", "tenant two"),
    ).toEqual([]);
    expect(await stopped("finish of two organisations", "revoke", "tenant one", "tenant two")).toEqual([]);
  });

  it("batches lock lanes in one order", async () => {
    expect(await stopped("append_events", "release of two organisations", "lane b", "lane d")).toEqual([]);
    expect(await stopped("append_events", "renew", "lane a", "lane d")).toEqual([]);
  });

  it("checkpoints that share packs add them in one order", async () => {
    const other = "save_checkpoint of another session";
    expect(await stopped("save_checkpoint", other, "pack one", "pack two")).toEqual([]);
  });

  it("calls with several stale tokens leave their evidence in one order", async () => {
    const late = "append_events of stale leases";
    expect(await stopped("take_signals", late, "attempt stale a", "attempt stale d")).toEqual([]);
  });

  it("room that is given on passes over lanes that are being written to, and their writer finds it", async () => {
    const enqueue = "enqueue behind what waits for room";
    for (const freed of ["finish", "stop of what is ready", "recover_lease"] as const)
      expect(await stopped(freed, enqueue, "tenant one", "lane q")).toEqual([]);
  });
});

describe("a repeat that begins while the first call runs", () => {
  it.each(["claim", "append_events", "finish", "save_checkpoint", "record_artifact", "retry_dead_letter"] as const)(
    "of %s gets the first one's answer",
    async (name) => {
      expect(await director.open(name, name, "commit")).toEqual([]);
      expect(await director.open(name, name, "rollback")).toEqual([]);
    },
  );
});

describe("one of two wins, and the other one sees it:", () => {
  it.each([
    ["claim", "claim by another"],
    ["claim", "stop of what is ready"],
    ["claim", "revoke"],
    ["claim", "pause"],
    ["claim by one that was away", "heartbeat of one that was away"],
    ["mark_unhealthy", "heartbeat of one that fell silent"],
    ["append_events", "finish of two organisations"],
    ["append_events", "revoke"],
    ["renew", "revoke"],
    ["finish", "enqueue behind what runs"],
    ["finish", "stop of what runs"],
  ] as const)("%s and %s", async (a, b) => {
    expect(await either(a, b)).toEqual([]);
  });
});

const byLane = (a: Lease, b: Lease) => (a.sessionId < b.sessionId ? -1 : 1);

describe("in a world of their own", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  afterAll(() => world.drop());

  const waiting = (most: number) =>
    eventually("somebody waits for a lock", async () => {
      const { rows: found } = await sql`select from pg_stat_activity
        where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0`.execute(world.owner.db);
      return found.length >= most;
    });

  it("the same claim again, after its lease was lost, gives a new token: the old one stays worthless", async () => {
    const worker = await world.enrol("worker-a");
    await world.wish();
    const request = world.request(worker);
    const claim = async () => {
      const claimed = await claimWork(world.as.worker.db, request);
      return claimed.ok ? claimed.value[0]!.lease : undefined;
    };
    const lost = await claim();
    await world.advance(request.ttlMs + 1);
    await recoverExpiredLeases(world.as.scheduler.db, 10);
    const held = await claim();
    expect(held).toMatchObject({ workId: lost!.workId, attempt: 2 });
    expect(await appendEvents(world.as.worker.db, [{ lease: lost!, batchNo: 1, events: [] }])).toEqual([
      { ok: false, reason: "stale_lease" },
    ]);
    const write = { lease: held!, batchNo: 1, events: [said.message("msg_1")] };
    expect(await appendEvents(world.as.worker.db, [write])).toMatchObject([{ ok: true }]);
  });

  it("recovery looks again under the lock: a lease that lives by then stays", async () => {
    const { rows: live } = await sql<{ ended: unknown }>`
      select internal.recover_lease(l.lane_id) as ended from cowork.lanes l where l.work_id is not null`.execute(
      world.as.scheduler.db,
    );
    expect(live).toEqual([{ ended: null }]);
  });

  it("two ticks give the last room once", async () => {
    const tenant = await newTenant(world, "narrow");
    await setQuota(world, tenant, "concurrent_sessions", 0);
    await wishOf(world, tenant);
    await wishOf(world, tenant);
    await setQuota(world, tenant, "concurrent_sessions", 1);
    const promoted = await world.owner.db.transaction().execute(async (first) => {
      const mine = await sql<{ n: number }>`select internal.promote_tenant(${tenant.orgId}, 1) as n`.execute(first);
      const theirs = sql<{ n: number }>`select internal.promote_tenant(${tenant.orgId}, 1) as n`.execute(
        world.as.scheduler.db,
      );
      await Promise.race([theirs, waiting(1)]);
      return { mine: mine.rows[0]!.n, theirs };
    });
    expect(promoted.mine + (await promoted.theirs).rows[0]!.n).toBe(1);
  });

  it("batches lock every lane before they leave evidence, also when one is taken away while they wait for it", async () => {
    const worker = await world.enrol("batches");
    await world.wish();
    await world.wish();
    const [a, d] = (await world.claimAll(worker, 10)).map(({ lease }) => lease).sort(byLane);
    const hold = (tx: Tx, table: string, where: string) =>
      sql.raw(`select from cowork.${table} where ${where} for no key update`).execute(tx);
    // Everyone who leaves evidence about the first is stopped there, and may by then hold the lane of the second.
    const answers = await world.owner.db.transaction().execute(async (evidence) => {
      await hold(evidence, "attempts", `work_id = '${a!.workId}'`);
      const first = await world.owner.db.transaction().execute(async (taker) => {
        await hold(taker, "lanes", `lane_id = '${a!.sessionId}'`);
        const renewed = renewLeases(world.as.worker.db, { leases: [a!, d!], ttlMs: 15_000 });
        await waiting(1);
        await sql`update cowork.lanes set work_id = null, command_id = null, attempt = null, token_hash = null, lease_expires_at = null,
          worker_id = null, boot_id = null, last_batch_no = null, last_answer = null where lane_id = ${a!.sessionId}`.execute(
          taker,
        );
        return { renewed };
      });
      await waiting(1);
      const second = takeSignals(world.as.worker.db, [d!, a!]);
      await Promise.race([second, waiting(2)]);
      return { renewed: first.renewed, taken: second };
    });
    expect(await answers.renewed).toMatchObject([{ ok: false, reason: "stale_lease" }, { ok: true }]);
    expect(await answers.taken).toMatchObject([{ ok: true }, { ok: false, reason: "stale_lease" }]);
  });

  it("a process that reports for the first time while its worker is called unhealthy leaves it active", async () => {
    const silent = await world.enrol("silent");
    await world.advance(30_001);
    const reported = await world.owner.db.transaction().execute(async (tx) => {
      const marked = await sql<{ workers: string[] }>`
        select to_jsonb(internal.mark_unhealthy(30000)) as workers`.execute(tx);
      expect(marked.rows[0]!.workers).toContain(silent.workerId);
      const first = beat(world, silent);
      await Promise.race([first, waiting(1)]);
      return { first };
    });
    expect(await reported.first).toEqual({ ok: true, value: { status: "active" } });
    const left = await sql`select status from cowork.workers where worker_id = ${silent.workerId}`.execute(
      world.owner.db,
    );
    expect(left.rows).toEqual([{ status: "active" }]);
  });

  it("two prompts that make the same route at once don't cross whoever raises the floors", async () => {
    const [one, two] = [world.actor, await newTenant(world, "second")];
    const open = (actor: typeof one) => openSession(world.as.web.db, actor);
    const [mine, theirs] = [await open(one), await open(two)];
    await sql`update cowork.profiles set provider = 'fresh'`.execute(world.owner.db);
    const enqueue = (db: typeof world.owner.db, actor: typeof one, { sessionId }: typeof mine) =>
      enqueuePrompt(db, actor, sessionId, { text: "go", traceparent: null });
    const outcomes = await world.owner.db.transaction().execute(async (holder) => {
      const second = await world.as.web.db.transaction().execute(async (first) => {
        await enqueue(first, one, mine);
        const started = enqueue(world.as.web.db, two, theirs);
        await waiting(1);
        await sql`select from cowork.sessions where session_id = ${theirs.sessionId} for no key update`.execute(holder);
        return { started };
      });
      // The second has met the first one's route and is stopped behind it; now somebody raises the floors.
      await waiting(1);
      const raised = settleReadyWork(world.as.scheduler.db, 10);
      await Promise.race([raised, waiting(2)]);
      return { second: second.started, raised };
    });
    expect(await outcomes.second).toMatchObject({ ok: true });
    expect(await outcomes.raised).toBeGreaterThanOrEqual(0);
  });
});
