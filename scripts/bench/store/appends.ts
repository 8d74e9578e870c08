import { systemClock } from "@open-cowork/contracts/clock";
import type { RuntimeEvent } from "@open-cowork/contracts/events";
import { leaseTimings } from "@open-cowork/contracts/timings";
import { readEvents } from "@open-cowork/store/events/read-events";
import { appendEvents } from "@open-cowork/store/worker-api/append-events";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import type { Claimed } from "@open-cowork/store/worker-api/lease";
import { renewLeases } from "@open-cowork/store/worker-api/renew-leases";
import { percentile, type Bench } from "../harness.ts";
import { BenchPlane } from "./plane.ts";
import { deltaOf, messageOf, partOf } from "./streamed.ts";
import { claimOf } from "./worker-loop.ts";

type Metric =
  | "append of 1 event, p50"
  | "append of 100 events, p50"
  | "append of 100 events ÷ of 1"
  | "resume of 100 changes, p95"
  | "delta rows left of 10,000";

/** What appending and reading cost, whatever a session holds already. */
export function appendsBench(serverUrl: string, quick: boolean): Bench<Metric> {
  const events = quick ? 20_000 : 1_000_000;
  return {
    name: `appends, and a resume in a session with ${events.toLocaleString("en")} events`,
    runs: quick ? 1 : 3,
    metrics: {
      "append of 1 event, p50": { unit: "ms" },
      "append of 100 events, p50": { unit: "ms" },
      "append of 100 events ÷ of 1": { unit: "x", goal: 3 },
      "resume of 100 changes, p95": { unit: "ms", goal: 10 },
      "delta rows left of 10,000": { unit: "rows", goal: 1 },
    },
    contestants: [{ name: "ours", run: () => measureAppends(serverUrl, quick, events) }],
  };
}

async function measureAppends(serverUrl: string, quick: boolean, events: number): Promise<Record<Metric, number>> {
  const plane = await BenchPlane.create(serverUrl, "bench_appends", { workerConnections: 1 });
  try {
    const writer = await Writer.claim(plane);
    const costs = { 1: [] as number[], 100: [] as number[] };
    for (let n = 0; n < (quick ? 40 : 400); n += 1) {
      for (const size of [1, 100] as const) {
        // Each its own part, that ends now and then, as in a real stream: superseded deltas go.
        const ids = [`msg_${size}_${n >> 4}`, `prt_${size}_${n >> 4}`] as const;
        const deltas = Array.from({ length: size }, (_, at) => deltaOf(ids[0], ids[1], ((n % 16) * size + at) * 45));
        costs[size].push(await writer.append(deltas));
        if (n % 16 === 15) await writer.append([partOf(ids[0], ids[1], "The end.", 2)]);
      }
    }
    const left = await deltasLeft(writer, plane);
    const [one, hundred] = [percentile(costs[1], 50), percentile(costs[100], 50)];
    return {
      "append of 1 event, p50": one,
      "append of 100 events, p50": hundred,
      "append of 100 events ÷ of 1": hundred / one,
      "resume of 100 changes, p95": percentile(await resumes(plane, events, quick ? 50 : 300), 95),
      "delta rows left of 10,000": left,
    };
  } finally {
    await plane.close();
  }
}

/** One lane that appends. */
class Writer {
  readonly claimed: Claimed;
  readonly #plane: BenchPlane;
  #batchNo: number;
  #renewedMs = systemClock.monotonicMs();

  private constructor(plane: BenchPlane, claimed: Claimed) {
    this.#plane = plane;
    this.claimed = claimed;
    this.#batchNo = claimed.nextBatch;
  }

  static async claim(plane: BenchPlane): Promise<Writer> {
    const worker = await plane.enrol("appends");
    await plane.enqueue(await plane.newSession());
    const outcome = await claimWork(plane.worker.db, { ...claimOf(worker), limit: 1, ttlMs: leaseTimings.ttlMs });
    if (!outcome.ok || !outcome.value[0]) throw new Error("nothing was claimed");
    return new Writer(plane, outcome.value[0]);
  }

  async append(events: readonly RuntimeEvent[]): Promise<number> {
    const { lease } = this.claimed;
    const from = systemClock.monotonicMs();
    if (from - this.#renewedMs > leaseTimings.renewMs) {
      await renewLeases(this.#plane.worker.db, { leases: [lease], ttlMs: leaseTimings.ttlMs });
      this.#renewedMs = systemClock.monotonicMs();
      return this.append(events);
    }
    const [outcome] = await appendEvents(this.#plane.worker.db, [{ lease, batchNo: this.#batchNo, events }]);
    if (!outcome?.ok) throw new Error(`an append was refused: ${outcome?.reason}`);
    this.#batchNo += 1;
    return systemClock.monotonicMs() - from;
  }
}

/** Rows that 10,000 deltas of one part leave once it has ended, beside its own two states and its message. */
async function deltasLeft(writer: Writer, plane: BenchPlane): Promise<number> {
  const [message, part] = ["msg_long", "prt_long"];
  await writer.append([messageOf(message), partOf(message, part, "")]);
  for (let n = 0; n < 10_000; n += 500)
    await writer.append(Array.from({ length: 500 }, (_, at) => deltaOf(message, part, (n + at) * 45)));
  await writer.append([partOf(message, part, "word ".repeat(90_000), 2)]);
  const [row] = await plane.sql<{ left: number }>(
    "select count(*)::int as left from cowork.session_events where session_id = $1 and part_id = $2 and type = 'message.part.delta'",
    [writer.claimed.lease.sessionId, part],
  );
  return row!.left;
}

/** A reader that comes back and lacks the newest hundred events of a very long session. */
async function resumes(plane: BenchPlane, events: number, times: number): Promise<number[]> {
  const sessionId = await plane.newSession();
  await plane.sql(
    `insert into cowork.session_events (session_id, seq, org_id, type, payload, at)
      select $1, n, $2, 'message.updated', jsonb_build_object('info', jsonb_build_object('id', 'msg_' || n, 'sessionID', 'ses_bench',
        'role', 'assistant', 'text', repeat('word ', 40))), cowork.now() from generate_series(1, $3::int) n`,
    [sessionId, plane.person.orgId, events],
  );
  await plane.sql("update cowork.lanes set next_seq = $2 where session_id = $1", [sessionId, events + 1]);
  await plane.sql("vacuum analyze cowork.session_events");
  const costs: number[] = [];
  for (let n = 0; n < times; n += 1) {
    const from = systemClock.monotonicMs();
    const page = await readEvents(plane.web.db, plane.person, sessionId, events - 100, 500);
    costs.push(systemClock.monotonicMs() - from);
    if (page?.events.length !== 100) throw new Error(`the resume read ${page?.events.length} events`);
  }
  return costs;
}
