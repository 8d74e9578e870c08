import { newId } from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { Actor } from "../database/in-org.ts";
import { end, newTenant, wishOf } from "../testing/builders.ts";
import { createWorld, type TestWorker, type World } from "../testing/world.ts";
import type { Lease } from "./lease.ts";
import { revealSecret } from "./reveal-secret.ts";

let world: World;
let worker: TestWorker;
let stranger: Actor;
let lease: Lease;
beforeAll(async () => {
  world = await createWorld();
  worker = await world.enrol("worker-a");
  stranger = await newTenant(world, "stranger");
  for (const { orgId } of [world.actor, stranger]) await useProvider(orgId, "anthropic");
});
beforeEach(async () => {
  await world.wish();
  ({ lease } = await world.claimOne(worker));
  return async () => void (await end(world, lease));
});
afterAll(() => world.drop());

const db = () => world.as.worker.db;
const audited = async (action: string) => (await world.audit()).filter((row) => row.action === action);
const useProvider = (orgId: string, provider: string) =>
  sql`update cowork.profiles set provider = ${provider} where org_id = ${orgId}`.execute(world.owner.db);

describe("revealing a secret", () => {
  const store = async (orgId: string, provider: string, version: number, sealed: string, revoked = false) =>
    sql`insert into cowork.sealed_secrets (org_id, secret_id, provider, version, key_id, sealed, revoked_at)
      values (${orgId}, ${newId()}, ${provider}, ${version}::int, 'pool-1', convert_to(${sealed}, 'UTF8'),
        case when ${revoked} then cowork.now() end)`.execute(world.owner.db);

  it("gives the current one of its own organisation, still sealed, and is audited with its version", async () => {
    await store(world.actor.orgId, "anthropic", 1, "old", true);
    await store(world.actor.orgId, "anthropic", 2, "new");
    await store(stranger.orgId, "anthropic", 7, "theirs");
    const revealed = await revealSecret(db(), lease, "anthropic");
    expect(revealed).toMatchObject({
      ok: true,
      value: { version: 2, keyId: "pool-1", sealed: Buffer.from("new").toString("base64") },
    });
    expect((await audited("secret_revealed")).at(-1)).toMatchObject({
      reason: null,
      subject: { workId: lease.workId, attempt: 1, version: 2 },
    });
    expect(JSON.stringify(await world.audit())).not.toContain(Buffer.from("new").toString("base64"));
  });

  it("gives no other organisation's, no revoked one and none that is missing, audited with the reason", async () => {
    await store(stranger.orgId, "openai", 1, "theirs");
    await store(world.actor.orgId, "mistral", 1, "revoked", true);
    for (const provider of ["openai", "mistral", "missing"]) {
      await useProvider(world.actor.orgId, provider);
      await world.wish();
      const routed = await world.claimOne(worker);
      expect(await revealSecret(db(), routed.lease, provider)).toEqual({ ok: false, reason: "secret_not_found" });
      await end(world, routed.lease);
    }
    expect(await audited("secret_reveal_failed")).toHaveLength(3);
    await useProvider(world.actor.orgId, "anthropic");
  });

  it("gives no key of another provider than the one the work is routed for, audited with the reason", async () => {
    await store(world.actor.orgId, "another", 1, "ours too");
    for (const provider of ["another", "openai", "", null as never, "' or true --"])
      expect(await revealSecret(db(), lease, provider)).toEqual({ ok: false, reason: "provider_not_allowed" });
    expect((await audited("secret_reveal_failed")).filter((row) => row.reason === "provider_not_allowed")).toHaveLength(
      5,
    );
  });

  it("hands each worker its own organisation's, though both hold leases at once", async () => {
    await wishOf(world, stranger);
    const theirs = await world.claimOne(worker);
    expect(await revealSecret(db(), theirs.lease, "anthropic")).toMatchObject({ ok: true, value: { version: 7 } });
    expect(await revealSecret(db(), lease, "anthropic")).toMatchObject({ ok: true, value: { version: 2 } });
    await end(world, theirs.lease);
  });
});
