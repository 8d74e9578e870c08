import { randomBytes } from "node:crypto";
import { newId } from "@open-cowork/contracts/ids";
import { workerVerbs, writeClasses, type WorkerVerb } from "@open-cowork/contracts/write-classes";
import { sql } from "kysely";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import { end } from "../testing/builders.ts";
import { createWorld, said, type TestWorker, type World } from "../testing/world.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import { appendEvents } from "./append-events.ts";
import type { Lease } from "./lease.ts";
import { recordArtifact } from "./record-artifact.ts";
import { recordUsage } from "./record-usage.ts";
import { renewLeases } from "./renew-leases.ts";
import { revealSecret } from "./reveal-secret.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import { takeSignals } from "./take-signals.ts";

let world: World;
let worker: TestWorker;
let other: TestWorker;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  other = await world.enrol("worker-b");
});
afterAll(() => world.drop());

type Fenced = { [V in WorkerVerb]: (typeof workerVerbs)[V]["fencedBy"] extends "lease" ? V : never }[WorkerVerb];
type Answer = { ok: true } | { ok: false; reason: string };

/** A call of every fenced verb that would be accepted under a live lease. A verb that is added does not compile here. */
const calls: Record<Fenced, (lease: Lease) => Promise<Answer>> = {
  renew: async (lease) => (await renewLeases(world.as.worker.db, { leases: [lease], ttlMs: 15_000 }))[0]!,
  append_events: async (lease) =>
    (await appendEvents(world.as.worker.db, [{ lease, batchNo: 1, events: [said.message("msg_1")] }]))[0]!,
  save_checkpoint: (lease) => {
    const manifestSha256 = randomBytes(32).toString("hex");
    const manifestKey = `orgs/${world.actor.orgId}/sessions/${lease.sessionId}/checkpoints/${manifestSha256}`;
    const checkpoint = { schemaVersion: 1, manifestKey, manifestSha256, sizeBytes: 1, packs: [] };
    return saveCheckpoint(world.as.worker.db, lease, checkpoint);
  },
  record_artifact: (lease) => {
    const artifactId = newId();
    const sha256 = randomBytes(32).toString("hex");
    const objectKey = `orgs/${world.actor.orgId}/sessions/${lease.sessionId}/artifacts/${artifactId}/${sha256}`;
    const artifact = { artifactId, name: "a", contentType: "text/plain", objectKey, sha256, sizeBytes: 1 };
    return recordArtifact(world.as.worker.db, lease, artifact);
  },
  record_usage: (lease) => recordUsage(world.as.worker.db, lease, [{ kind: "tokens_in", key: newId(), amount: 1 }]),
  reveal_secret: (lease) => revealSecret(world.as.worker.db, lease, "default"),
  take_signals: async (lease) => (await takeSignals(world.as.worker.db, [lease]))[0]!,
  finish: (lease) => end(world, lease, { kind: "succeeded" }, 2),
};
const fenced = Object.keys(calls) as Fenced[];

const evidence = async (after: number) =>
  (await world.audit())
    .slice(after)
    .filter((row) => row.action === "stale_owner_write_rejected")
    .map((row) => ({
      reason: row.reason,
      ...(row.subject as { writeClass: string; workId?: string; attempt?: number }),
    }));
/** Everything a refused write could have touched. */
const state = async () => {
  const { rows } = await sql`
    select (select count(*) from cowork.session_events) as events, (select count(*) from cowork.parts) as parts,
      (select count(*) from cowork.checkpoints) as checkpoints, (select count(*) from cowork.artifacts) as artifacts,
      (select count(*) from cowork.usage) as usage, (select jsonb_agg(to_jsonb(l) order by lane_id) from cowork.lanes l) as lanes,
      (select jsonb_agg(to_jsonb(w) order by work_id) from cowork.work w) as work`.execute(world.owner.db);
  return rows[0];
};
const next = async () => {
  await world.advance(15_001);
  await recoverExpiredLeases(world.as.scheduler.db, 10);
  await settleReadyWork(world.as.scheduler.db, 10);
};

describe("every verb of a worker", () => {
  it("that contracts call fenced is tried here, and each write class that is built has one of them", () => {
    const named = Object.entries(workerVerbs).filter(([, row]) => row.fencedBy === "lease");
    expect(fenced.toSorted()).toEqual(named.map(([verb]) => verb).sort());
    for (const [name, verb] of Object.entries(writeClasses)) if (verb) expect(fenced, name).toContain(verb);
    const classes = named.map(([, row]) => (row as { evidence: string }).evidence);
    expect(new Set(classes).size).toBe(classes.length);
  });

  it("is accepted under a live lease", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    for (const verb of fenced) {
      const answer = await calls[verb](lease);
      expect(answer, verb).toMatchObject(
        verb === "reveal_secret" ? { ok: false, reason: "secret_not_found" } : { ok: true },
      );
    }
  });

  it.each([
    "nobody has claimed its work since",
    "another worker has claimed its work",
    "it has claimed its work again itself",
  ])("is refused after expiry although %s, writes nothing, and leaves evidence once per class", async (since) => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await world.advance(15_001);
    let holder: Lease | undefined;
    if (!since.startsWith("nobody")) {
      await next();
      holder = (await world.claimOne(since.startsWith("another") ? other : worker)).lease;
      expect(holder.workId).toBe(lease.workId);
    }
    const before = await state();
    const audited = (await world.audit()).length;
    for (let n = 0; n < 2; n += 1) {
      for (const verb of fenced) expect(await calls[verb](lease), verb).toEqual({ ok: false, reason: "stale_lease" });
    }
    expect(await state()).toEqual(before);
    const expected = fenced.map((verb) => ({
      reason: "stale_lease",
      writeClass: workerVerbs[verb].evidence as string,
      workId: lease.workId,
      attempt: lease.attempt,
    }));
    expect(await evidence(audited)).toEqual(expected);
    expect(await world.audit()).toHaveLength(audited + fenced.length);
    if (holder) expect(await end(world, holder)).toMatchObject({ ok: true });
    else await next();
    for (const { lease: left } of await world.claimAll(worker)) await end(world, left);
  });

  it("is told that its own attempt has ended after its own finish, without evidence against it", async () => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    await end(world, lease);
    const before = await state();
    const audited = (await world.audit()).length;
    for (const verb of fenced) expect(await calls[verb](lease), verb).toEqual({ ok: false, reason: "lease_ended" });
    expect(await state()).toEqual(before);
    expect(await world.audit()).toHaveLength(audited);
  });

  it.each([
    ["unknown", "0".repeat(64)],
    ["empty", ""],
    ["missing", null],
    ["an injection", "' or 1=1; drop table cowork.lanes; --"],
    ["its own hash", "hash"],
    ["huge", "x".repeat(100_000)],
  ])("is refused a token that is %s, writes nothing, and leaves evidence that names nobody", async (name, text) => {
    await world.wish();
    const { lease } = await world.claimOne(worker);
    const hashed = await sql<{
      token_hash: string;
    }>`select token_hash from cowork.lanes where work_id = ${lease.workId}`.execute(world.owner.db);
    const token = (name === "its own hash" ? hashed.rows[0]!.token_hash : text) as string;
    const before = await state();
    const audited = (await world.audit()).length;
    for (const verb of fenced) {
      // A list of tokens travels as text: an empty one is an empty list, which the database tests below send by hand.
      if ((verb === "renew" || verb === "take_signals") && !token) continue;
      if (token?.includes(",") && (verb === "renew" || verb === "take_signals")) continue;
      expect(await calls[verb]({ ...lease, token }), verb).toEqual({ ok: false, reason: "lease_unknown" });
    }
    expect(await state()).toEqual(before);
    for (const row of await evidence(audited))
      expect(row).toEqual({ reason: "lease_unknown", writeClass: row.writeClass, source: "127.0.0.1" });
    expect((await evidence(audited)).length).toBeGreaterThanOrEqual(fenced.length - 2);
    await end(world, lease);
  });
});
