import { randomBytes } from "node:crypto";
import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { stopSession } from "../commands/stop-session.ts";
import type { Actor } from "../database/in-org.ts";
import { end, newTenant } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import type { Lease } from "./lease.ts";
import { recordArtifact } from "./record-artifact.ts";
import { recordUsage } from "./record-usage.ts";
import { renewLeases } from "./renew-leases.ts";
import { saveCheckpoint } from "./save-checkpoint.ts";
import { takeSignals } from "./take-signals.ts";

let world: World;
let worker: TestWorker;
let stranger: Actor;
let lease: Lease;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  stranger = await newTenant(world, "stranger");
});
beforeEach(async () => {
  await world.wish();
  ({ lease } = await world.claimOne(worker));
  return async () => void (await end(world, lease));
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const hash = () => randomBytes(32).toString("hex");
const audited = async (action: string) => (await world.audit()).filter((row) => row.action === action);
const notAllowed = { ok: false, reason: "object_key_not_allowed" };
const prefixOf = (orgId = world.actor.orgId as string, sessionId = lease.sessionId as string) =>
  `orgs/${orgId}/sessions/${sessionId}/`;
const count = async (text: string) =>
  (await sql.raw<{ n: number }>(`select count(*)::int as n from ${text}`).execute(world.owner.db)).rows[0]!.n;

/** Keys that a worker might try: of others, outside of its prefix, or climbing out of it. */
const foreignKeys = (own: string): string[] => [
  own.replace(world.actor.orgId, stranger.orgId),
  own.replace(lease.sessionId, newId()),
  own.replace("orgs/", "/orgs/"),
  own.replace("/sessions/", "/sessions/../sessions/"),
  own.replace(/[^/]+$/, "../../../../secrets"),
  own.replace(/[^/]+$/, ".."),
  own.replace(/[^/]+$/, "."),
  `${own}/../x`,
  "",
  "..",
  prefixOf(),
];

describe("saving a checkpoint", () => {
  const checkpoint = (change: Partial<Parameters<typeof saveCheckpoint>[2]> = {}) => {
    const manifestSha256 = change.manifestSha256 ?? hash();
    const manifestKey = `${prefixOf()}checkpoints/${manifestSha256}`;
    return { schemaVersion: 1, manifestKey, manifestSha256, sizeBytes: 100, packs: [], ...change };
  };
  const pack = (orgId: string = world.actor.orgId) => {
    const sha256 = hash();
    return { sha256, objectKey: `orgs/${orgId}/packs/${sha256}`, sizeBytes: 10 };
  };

  it("gives each the next version of its session, with its packs and the seq that the transcript showed", async () => {
    const packs = [pack(), pack()];
    expect(await saveCheckpoint(db(), lease, checkpoint({ packs }))).toEqual({ ok: true, value: { version: 1 } });
    // Content that two checkpoints share is one pack.
    expect(await saveCheckpoint(db(), lease, checkpoint({ packs: [packs[0]!, packs[0]!, pack()] }))).toEqual({
      ok: true,
      value: { version: 2 },
    });
    const { rows } = await sql`select version, event_seq, work_id, attempt from cowork.checkpoints
      where session_id = ${lease.sessionId} order by version`.execute(world.owner.db);
    expect(rows).toEqual([
      { version: 1, event_seq: 2, work_id: lease.workId, attempt: 1 },
      { version: 2, event_seq: 2, work_id: lease.workId, attempt: 1 },
    ]);
    expect(await count(`cowork.checkpoint_packs where session_id = '${lease.sessionId}'`)).toBe(4);
    expect(await count(`cowork.packs`)).toBe(3);
    expect((await audited("checkpoint_saved")).map((row) => row.subject)).toMatchObject([
      { version: 1 },
      { version: 2 },
    ]);
  });

  it("answers the same when it is repeated, and writes nothing twice", async () => {
    const one = checkpoint({ packs: [pack()] });
    const before = (await audited("checkpoint_saved")).length;
    const first = await saveCheckpoint(db(), lease, one);
    expect(await saveCheckpoint(db(), lease, one)).toEqual(first);
    expect(await audited("checkpoint_saved")).toHaveLength(before + 1);
  });

  it("under any key but its own session's is refused, audited, and writes nothing", async () => {
    const before = await count("cowork.checkpoints");
    const rejected = (await audited("checkpoint_rejected")).length;
    // Also under the key of another manifest of its own: what lies there has been recorded, perhaps.
    const keys = foreignKeys(checkpoint().manifestKey).concat(checkpoint().manifestKey);
    for (const manifestKey of keys.concat(`${prefixOf()}artifacts/x`))
      expect(await saveCheckpoint(db(), lease, checkpoint({ manifestKey })), manifestKey).toEqual(notAllowed);
    expect(await saveCheckpoint(db(), lease, checkpoint({ manifestKey: null as never }))).toEqual(notAllowed);
    expect(await saveCheckpoint(db(), lease, checkpoint({ packs: [pack(), pack(stranger.orgId)] }))).toEqual(
      notAllowed,
    );
    expect(await saveCheckpoint(db(), lease, checkpoint({ packs: [{ ...pack(), sha256: hash() }] }))).toEqual(
      notAllowed,
    );
    expect(await count("cowork.checkpoints")).toBe(before);
    expect(await audited("checkpoint_rejected")).toHaveLength(rejected + keys.length + 4);
  });

  it("again with other packs or another size is refused and audited, and so is a pack of another size", async () => {
    const one = checkpoint({ packs: [pack()] });
    expect(await saveCheckpoint(db(), lease, one)).toMatchObject({ ok: true });
    const before = await count("cowork.checkpoints");
    const rejected = (await audited("checkpoint_rejected")).length;
    const twice = pack();
    const others = [
      { ...one, packs: [pack()] },
      { ...one, packs: [] },
      { ...one, packs: [one.packs[0]!, pack()] },
      { ...one, sizeBytes: 101 },
      { ...one, schemaVersion: 2 },
      checkpoint({ packs: [{ ...one.packs[0]!, sizeBytes: 11 }] }),
      checkpoint({ packs: [twice, { ...twice, sizeBytes: 11 }] }),
    ];
    for (const other of others)
      expect(await saveCheckpoint(db(), lease, other)).toEqual({ ok: false, reason: "idempotency_conflict" });
    expect(await audited("checkpoint_rejected")).toHaveLength(rejected + others.length);
    expect(await count("cowork.checkpoints")).toBe(before);
    expect(await saveCheckpoint(db(), lease, one)).toMatchObject({ ok: true });
  });

  it("of more packs than a checkpoint may have is refused", async () => {
    const packs = Array.from({ length: 10_001 }, () => pack());
    const refused = { ok: false, reason: "batch_too_large" };
    expect(await saveCheckpoint(db(), lease, checkpoint({ packs }))).toEqual(refused);
  });

  it.each([
    ["no packs", { packs: null }],
    ["packs that are no list", { packs: {} }],
    ["a checksum that is none", { manifestSha256: "zz" }],
    ["a size below zero", { sizeBytes: -1 }],
    ["a version of its shape below one", { schemaVersion: 0 }],
  ])("with %s is an error and writes nothing", async (_, change) => {
    const before = await count("cowork.checkpoints");
    await expect(saveCheckpoint(db(), lease, checkpoint(change as never))).rejects.toMatchObject({
      code: expect.stringMatching(/^2[23]/),
    });
    expect(await count("cowork.checkpoints")).toBe(before);
  });
});

describe("recording an artifact", () => {
  const artifact = (change: Partial<Parameters<typeof recordArtifact>[2]> = {}) => {
    const artifactId = change.artifactId ?? newId();
    const sha256 = change.sha256 ?? hash();
    const objectKey = `${prefixOf()}artifacts/${artifactId}/${sha256}`;
    return { artifactId, name: "report.md", contentType: "text/markdown", objectKey, sha256, sizeBytes: 5, ...change };
  };

  it("makes it visible once, also when it is repeated", async () => {
    const one = artifact();
    const expected = { ok: true, value: { artifactId: one.artifactId } };
    expect(await recordArtifact(db(), lease, one)).toEqual(expected);
    expect(await recordArtifact(db(), lease, one)).toEqual(expected);
    expect(
      await count(`cowork.artifacts where artifact_id = '${one.artifactId}' and session_id = '${lease.sessionId}'`),
    ).toBe(1);
    expect(await audited("artifact_recorded")).toHaveLength(1);
  });

  it("under an id that has other content, or that another session has, is refused and changes nothing", async () => {
    const conflict = { ok: false, reason: "idempotency_conflict" };
    const one = artifact();
    await recordArtifact(db(), lease, one);
    const again = (change: object) => artifact({ artifactId: one.artifactId, sha256: one.sha256, ...change });
    const others = [{ sha256: hash() }, { name: "other.md" }, { contentType: "text/plain" }, { sizeBytes: 6 }];
    for (const change of others) expect(await recordArtifact(db(), lease, again(change))).toEqual(conflict);
    await world.wish();
    const other = await world.claimOne(worker);
    const objectKey = one.objectKey.replace(lease.sessionId, other.lease.sessionId);
    expect(await recordArtifact(db(), other.lease, { ...one, objectKey })).toEqual(conflict);
    await end(world, other.lease);
    expect(await audited("artifact_rejected")).toHaveLength(others.length + 1);
    expect(
      await count(
        `cowork.artifacts where name = 'report.md' and sha256 = '${one.sha256}' and object_key = '${one.objectKey}'`,
      ),
    ).toBe(1);
  });

  it("under any key but the one that is derived for it is refused, audited, and writes nothing", async () => {
    const before = await count("cowork.artifacts");
    const rejected = (await audited("artifact_rejected")).length;
    const one = artifact();
    const keys = foreignKeys(one.objectKey).concat(
      artifact().objectKey,
      artifact({ artifactId: one.artifactId }).objectKey,
    );
    for (const objectKey of keys) expect(await recordArtifact(db(), lease, { ...one, objectKey })).toEqual(notAllowed);
    expect(await audited("artifact_rejected")).toHaveLength(rejected + keys.length);
    expect(await count("cowork.artifacts")).toBe(before);
  });
});

describe("recording usage", () => {
  const amounts = async () => {
    const { rows } = await sql<{ key: string; amount: number }>`
      select key, amount from cowork.usage where work_id = ${lease.workId} order by key`.execute(world.owner.db);
    return rows.map((row) => [row.key, row.amount]);
  };

  it("counts each record once, within a call and across repeats, months included", async () => {
    const records = [
      { kind: "tokens_in", key: "a", amount: 10 },
      { kind: "tokens_in", key: "b", amount: 5 },
      { kind: "tokens_in", key: "b", amount: 5 },
    ] as const;
    expect(await recordUsage(db(), lease, records)).toEqual({ ok: true, value: {} });
    expect(await renewLeases(db(), { leases: [lease], ttlMs: 60_000 })).toMatchObject([{ ok: true }]);
    await world.advance(50_000);
    expect(await recordUsage(db(), lease, records)).toEqual({ ok: true, value: {} });
    expect(await recordUsage(db(), lease, [])).toEqual({ ok: true, value: {} });
    expect(await amounts()).toEqual([
      ["a", 10],
      ["b", 5],
    ]);
    // The same key of another kind is another record.
    await recordUsage(db(), lease, [{ kind: "tokens_out", key: "a", amount: 1 }]);
    expect(await amounts()).toHaveLength(3);
  });

  it("is refused when a key comes back with another amount, and counts nothing of that call", async () => {
    const record = (key: string, amount: number) => ({ kind: "tokens_in", key, amount }) as const;
    await recordUsage(db(), lease, [record("a", 10)]);
    const conflict = { ok: false, reason: "idempotency_conflict" };
    expect(await recordUsage(db(), lease, [record("b", 1), record("a", 11)])).toEqual(conflict);
    expect(await recordUsage(db(), lease, [record("b", 1), record("b", 2)])).toEqual(conflict);
    expect(await amounts()).toEqual([["a", 10]]);
  });

  it("is refused beyond 500 records, and an unknown kind or an amount below zero is an error that counts nothing", async () => {
    const many = Array.from({ length: 501 }, (_, n) => ({ kind: "tokens_in", key: `${n}`, amount: 1 }) as const);
    expect(await recordUsage(db(), lease, many)).toEqual({ ok: false, reason: "batch_too_large" });
    for (const record of [
      { kind: "coffee", key: "a", amount: 1 },
      { kind: "tokens_in", key: "a", amount: -1 },
      { kind: "tokens_in", key: "", amount: 1 },
      { kind: "tokens_in", key: "a", amount: "many" },
    ]) {
      await expect(recordUsage(db(), lease, [record as never])).rejects.toMatchObject({
        code: expect.stringMatching(/^2[23]/),
      });
    }
    expect(await amounts()).toEqual([]);
  });
});

describe("taking signals", () => {
  it("answers each lease with what waits for it, in the order asked, again and again until the attempt ends", async () => {
    await world.wish();
    const other = await world.claimOne(worker);
    expect(await stopSession(world.as.web.db, world.actor, lease.sessionId)).toMatchObject({ ok: true });
    const expected = [
      { ok: true, value: { signals: [] } },
      { ok: true, value: { signals: [{ kind: "stop" }] } },
    ];
    expect(await takeSignals(db(), [other.lease, lease])).toMatchObject(expected);
    expect(await takeSignals(db(), [other.lease, lease])).toMatchObject(expected);
    expect(await renewLeases(db(), { leases: [other.lease, lease], ttlMs: 15_000 })).toMatchObject(expected);
    expect(await takeSignals(db(), [])).toEqual([]);
    await end(world, other.lease);
    await end(world, lease, { kind: "cancelled", reason: "stopped_by_person" });
    expect(await takeSignals(db(), [lease])).toEqual([{ ok: false, reason: "lease_ended" }]);
    expect(await count(`cowork.signals`)).toBe(0);
  });
});
