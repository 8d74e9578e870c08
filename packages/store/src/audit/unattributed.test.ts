import { randomBytes } from "node:crypto";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { beat } from "../testing/builders.ts";
import { createWorld, type World } from "../testing/world.ts";
import type { Lease } from "../worker-api/lease.ts";
import { takeSignals } from "../worker-api/take-signals.ts";
import { sealAudit } from "./seal-audit.ts";

let world: World;
beforeAll(async () => {
  world = await createWorld();
});
afterAll(() => world.drop());

const forged = () => ({ token: randomBytes(32).toString("hex") }) as Lease;
const flood = (times: number, db = world.as.worker.db) => takeSignals(db, Array.from({ length: times }, forged));
const rowsOf = async (action: string) => (await world.audit()).filter((row) => row.action === action);

it("an unknown caller leaves some rows of evidence of each kind a minute; how many more there were is summed up by the sealer", async () => {
  expect((await flood(50)).every((answer) => !answer.ok && answer.reason === "lease_unknown")).toBe(true);
  await flood(5);
  expect(await rowsOf("stale_owner_write_rejected")).toHaveLength(10);
  await sealAudit(world.as.scheduler.db);
  expect(await rowsOf("refusals_left_out")).toMatchObject([{ subject: { count: 45 } }]);

  await flood(3);
  await sealAudit(world.as.scheduler.db);
  expect(await rowsOf("refusals_left_out")).toHaveLength(1);
  await world.advance(60_001);
  await flood(11);
  expect(await rowsOf("stale_owner_write_rejected")).toHaveLength(20);
  await sealAudit(world.as.scheduler.db);
  await sealAudit(world.as.scheduler.db);
  expect((await rowsOf("refusals_left_out")).map((row) => row.subject)).toEqual([{ count: 45 }, { count: 4 }]);
});

it("one source does not use up what another may leave, and all of them together have a limit", async () => {
  const loud = await world.enrol("loud");
  const quiet = await world.enrol("quiet");
  // The same number with another content: no repeat.
  let busy = 0;
  const again = async (worker: typeof loud) => beat(world, worker, { seq: 1, load: { lanes: 99, busy: (busy += 1) } });
  const left = async (workerId: string) => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from cowork.audit
      where action = 'heartbeat_rejected' and actor_id = ${workerId}`.execute(world.owner.db);
    return rows[0]!.n;
  };
  for (let n = 0; n < 15; n += 1) await again(loud);
  expect(await left(loud.workerId)).toBe(10);
  await again(quiet);
  expect(await again(quiet)).toEqual({ ok: false, reason: "heartbeat_out_of_order" });
  expect(await left(quiet.workerId)).toBe(1);

  await sql`insert into cowork.audit (action, actor_kind, subject)
    select 'heartbeat_rejected', 'unknown', jsonb_build_object('source', n) from generate_series(1, 189) n`.execute(
    world.owner.db,
  );
  await again(quiet);
  expect(await left(quiet.workerId)).toBe(1);
});

it("who is refused waits for nobody who is being refused", async () => {
  await world.owner.db.transaction().execute(async (open) => {
    await flood(30, open);
    expect(await flood(30)).toHaveLength(30);
  });
});
