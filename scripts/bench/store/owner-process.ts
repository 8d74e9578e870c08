import { parseArgs } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";
import type { BootId } from "@open-cowork/contracts/ids";
import { openDatabase } from "@open-cowork/store/database/open";
import { claimWork } from "@open-cowork/store/worker-api/claim-work";
import { renewLeases } from "@open-cowork/store/worker-api/renew-leases";
import pg from "pg";
import { claimOf } from "./worker-loop.ts";

/**
 * A worker in a process of its own, to be harmed: claims one piece of work, renews it in good order and says so. Asked
 * to `hold`, it opens a transaction as a frozen or hostile worker might: locks its lane by a verb, lifts the timeouts
 * of its role, and sits there.
 */
const { values } = parseArgs({
  options: {
    credential: { type: "string" },
    boot: { type: "string" },
    ttl: { type: "string" },
    hold: { type: "boolean", default: false },
  },
  strict: true,
});
const url = process.env["BENCH_WORKER_URL"]!;
const ttlMs = Number(values.ttl);
const database = openDatabase({
  url,
  applicationName: "bench-owner",
  deadlineMs: 5_000,
  connections: 2,
  transactionPooler: false,
});
const worker = { credential: values.credential!, bootId: values.boot as BootId, workerId: undefined as never };
const claim = await claimWork(database.db, { ...claimOf(worker), limit: 1, ttlMs });
const lease = claim.ok ? claim.value[0]?.lease : undefined;
if (!lease) throw new Error("there was nothing to claim");
const renew = async () => {
  const [outcome] = await renewLeases(database.db, { leases: [lease], ttlMs });
  if (!outcome?.ok) throw new Error(`the renewal was refused: ${outcome?.reason}`);
};
await renew();
if (values.hold) {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  await client.query("set idle_in_transaction_session_timeout = 0; set statement_timeout = 0");
  await client.query("begin");
  await client.query("select * from worker_api_v1.renew(array[$1], $2)", [lease.token, ttlMs]);
  process.stdout.write("held\n");
  for (;;) await systemClock.sleep(60_000);
}
process.stdout.write("claimed\n");
for (;;) {
  await systemClock.sleep(ttlMs / 3);
  await renew();
}
