import { every, systemClock } from "@open-cowork/contracts/clock";
import type { SessionId } from "@open-cowork/contracts/ids";
import { leaseTimings } from "@open-cowork/contracts/timings";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import { finishAll } from "@open-cowork/store/worker-api/finish-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import pg from "pg";
import { percentile, type Bench, type Metric } from "../harness.ts";
import { backlogs, makeBacklog, type Backlog } from "./backlog.ts";
import { done, finisher } from "./ours.ts";
import { BenchPlane, type BenchWorker, type Person } from "./plane.ts";
import { query } from "./query.ts";
import { claimOf, WorkerLoop } from "./worker-loop.ts";

const tickMs = 1_000;
/** What a claim takes at once while the dead rows are made. */
const batch = 50;

/** A plane to claim from, with the scheduler's tick going as it would. */
interface Place {
  plane: BenchPlane;
  worker: BenchWorker;
  sessions: SessionId[];
  close(): Promise<void>;
}

/** The cost of one claim on one connection, with a million rows that it must not meet, against an empty queue beside it. */
export function claimsBench(serverUrl: string, quick: boolean): Bench<string> {
  const rows = quick ? 20_000 : 1_000_000;
  const dead = quick ? 2_000 : 100_000;
  const probes = quick ? 150 : 1_000;
  const many = (count: number) => (count >= 1e6 ? `${count / 1e6}M` : `${count / 1e3}k`);
  const cases = (Object.keys(backlogs) as Backlog[]).map((kind) => `${many(rows)} ${kind}`);
  const deadCase = `${many(dead)} dead rows under a snapshot`;
  const metrics: Record<string, Metric> = { "claim p95, empty queue": { unit: "ms", goal: 2 } };
  for (const name of [...cases, deadCase]) {
    metrics[`claim p95, ${name}`] = { unit: "ms", goal: 2 };
    metrics[`claim p95, ${name} ÷ empty beside it`] = { unit: "x", goal: 1.5 };
  }
  for (const name of cases.slice(0, 2)) {
    metrics[`another tenant's first row, ${name}, p95`] = { unit: "ms", goal: 50 };
    metrics[`another tenant's first row, ${name}, most`] = { unit: "ms" };
  }
  metrics["finish p95 of an own row, dead rows under a snapshot"] = { unit: "ms" };

  const run = async () => {
    const measured: Record<string, number> = {};
    const empties: number[] = [];
    const compare = async (name: string, place: Place) => {
      const empty = await openPlace(serverUrl, "bench_claims_empty", probes);
      const [beside, behind] = await claimInTurns([empty, place], probes);
      await empty.close();
      empties.push(...beside!.claims);
      measured[`claim p95, ${name}`] = percentile(behind!.claims, 95);
      measured[`claim p95, ${name} ÷ empty beside it`] =
        percentile(behind!.claims, 95) / percentile(beside!.claims, 95);
      return behind!;
    };
    for (const [n, kind] of (Object.keys(backlogs) as Backlog[]).entries()) {
      const name = cases[n]!;
      process.stderr.write(`claims: making ${name}\n`);
      const place = await openPlace(serverUrl, "bench_claims", probes, (plane) => makeBacklog(plane, kind, rows));
      await compare(name, place);
      if (n < 2) {
        const firsts = await firstRows(place, quick ? 10 : 60);
        measured[`another tenant's first row, ${name}, p95`] = percentile(firsts, 95);
        measured[`another tenant's first row, ${name}, most`] = percentile(firsts, 100);
      }
      await place.close();
    }
    process.stderr.write(`claims: making ${deadCase}\n`);
    const place = await openPlace(serverUrl, "bench_claims", probes, (plane) => makeBacklog(plane, "ready rows", dead));
    const snapshot = await holdSnapshot(place.plane.adminUrl);
    await drain(place, dead);
    const { finishes } = await compare(deadCase, place);
    measured["finish p95 of an own row, dead rows under a snapshot"] = percentile(finishes, 95);
    await snapshot.end();
    await place.close();
    measured["claim p95, empty queue"] = percentile(empties, 95);
    return measured;
  };
  return { name: "claims", runs: 1, metrics, contestants: [{ name: "ours", run }] };
}

async function openPlace(
  serverUrl: string,
  name: string,
  sessions: number,
  fill?: (plane: BenchPlane) => Promise<void>,
): Promise<Place> {
  const plane = await BenchPlane.create(serverUrl, name, { workerConnections: 1 });
  const worker = await plane.enrol("claims");
  const made = await plane.newSessions(sessions);
  await fill?.(plane);
  let ticking = Promise.resolve();
  const stopTicks = every(tickMs, () => {
    ticking = ticking
      .then(() => plane.tick())
      .catch((error: unknown) => void process.stderr.write(`tick: ${String(error)}\n`));
  });
  return {
    plane,
    worker,
    sessions: made,
    close: async () => {
      stopTicks();
      await ticking;
      await plane.close();
      await query(serverUrl, `drop database ${name} with (force)`);
    },
  };
}

interface Costs {
  claims: number[];
  finishes: number[];
}

/** One fresh session asks, one claim is measured, what it got is finished: the backlog stays as it was. */
async function claimInTurns(places: Place[], probes: number): Promise<Costs[]> {
  const costs: Costs[] = places.map(() => ({ claims: [], finishes: [] }));
  for (let n = 0; n < probes; n += 1) {
    for (const [at, place] of places.entries()) {
      await place.plane.enqueue(place.sessions[n]!);
      const { claimed, ms } = await timedClaim(place, 1);
      costs[at]!.claims.push(ms);
      costs[at]!.finishes.push(await finish(place, claimed));
    }
  }
  return costs;
}

async function timedClaim(place: Place, limit: number): Promise<{ claimed: Claimed[]; ms: number }> {
  const request = { ...claimOf(place.worker), limit, ttlMs: leaseTimings.ttlMs };
  const from = systemClock.monotonicMs();
  const outcome = await claimWork(place.plane.worker.db, request);
  const ms = systemClock.monotonicMs() - from;
  if (!outcome.ok) throw new Error(`the claim was refused: ${outcome.reason}`);
  if (outcome.value.length === 0) throw new Error("there was nothing to claim, though a row is ready");
  return { claimed: outcome.value, ms };
}

async function finish(place: Place, claimed: Claimed[]): Promise<number> {
  const from = systemClock.monotonicMs();
  const answers = await finishAll(
    place.plane.worker.db,
    claimed.map(({ lease }) => ({ lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } })),
  );
  const ms = systemClock.monotonicMs() - from;
  for (const answer of answers) if (!answer.ok) throw new Error(`a finish was refused: ${answer.reason}`);
  return ms;
}

async function drain(place: Place, count: number): Promise<void> {
  for (let done = 0; done < count;) {
    const { claimed } = await timedClaim(place, Math.min(batch, count - done));
    await finish(place, claimed);
    done += claimed.length;
    if (done % 10_000 === 0) process.stderr.write(`claims: ${done} rows claimed and finished under the snapshot\n`);
  }
}

/** A connection that sits in a transaction with a snapshot, as a long report or a backup does. */
async function holdSnapshot(adminUrl: string): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query("begin isolation level repeatable read");
  await client.query("select count(*) from cowork.plane");
  return client;
}

/** A worker that is busy with the tenant of the backlog, and the first wish of one new tenant after the other. */
async function firstRows(place: Place, tenants: number): Promise<number[]> {
  const workMs = 200;
  const people: Person[] = [];
  const asked: SessionId[] = [];
  for (let n = 0; n < tenants; n += 1) {
    const person = await place.plane.newTenant();
    people.push(person);
    asked.push(await place.plane.newSession(person));
  }
  await place.plane.sql("update cowork.quotas set most = 50 where quota = 'concurrent_sessions' and most = 0");
  await place.plane.tick();
  const open = place.plane.reopened({ workerConnections: 4 });
  const ends = finisher(open.worker);
  const claimedAt = new Map<string, (atMs: number) => void>();
  const loop = new WorkerLoop({
    plane: open,
    database: open.worker,
    worker: place.worker,
    lanes: 50,
    onClaimed: async (claimed, atMs) => {
      claimedAt.get(claimed.lease.sessionId)?.(atMs);
      await systemClock.sleep(workMs * (0.5 + Math.random()));
      await done(ends, { lease: claimed.lease, batchNo: 1, events: [], outcome: { kind: "succeeded" } });
    },
  });
  await systemClock.sleep(1_000);
  const waits: number[] = [];
  for (const [n, session] of asked.entries()) {
    const begun = new Promise<number>((resolve) => claimedAt.set(session, resolve));
    const from = systemClock.monotonicMs();
    await open.enqueue(session, people[n]);
    open.web.notify("ready");
    waits.push((await begun) - from);
    await systemClock.sleep(30);
  }
  await loop.stop();
  await open.close();
  return waits;
}
