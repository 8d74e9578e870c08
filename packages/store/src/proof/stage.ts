import { createHash, randomBytes } from "node:crypto";
import {
  newId,
  type BootId,
  type OrgId,
  type PoolId,
  type SessionId,
  type UserId,
  type WorkerId,
} from "@open-cowork/contracts/ids";
import { sql } from "kysely";
import type { Actor } from "../database/in-org.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import type { Caps, Shape } from "./model.ts";
import { shadowSql } from "./shadow.ts";

/** A database for many schedules, one after the other: moving time is global to it. */
export interface Stage extends TestDatabase {
  poolId: PoolId;
  userId: UserId;
}

/** What one schedule has to itself: organisations, sessions and workers in the stage's one pool. */
export interface Cast {
  actors: Actor[];
  lanes: SessionId[];
  /** Of each lane. */
  tenants: number[];
  workers: WorkerId[];
  boots: Array<{ bootId: BootId; workerId: WorkerId; credential: string }>;
  /** When it began, on the database's clock, and what stood in the shared rows then. */
  begunAtMs: number;
  floor: number;
  tagsElsewhere: number;
}

export async function createStage(caps: Caps): Promise<Stage> {
  const test = await createTestDatabase();
  const script = shadowSql
    .replace("STRIKES", String(caps.strikes))
    .replace("ATTEMPTS", String(caps.attempts))
    .replace("REFUSALS", String(caps.refusals));
  await sql.raw(script).execute(test.owner.db);
  const [poolId, userId] = [newId<"pool">(), newId<"user">()];
  await sql
    .raw(`${poolSql(poolId)}
    insert into cowork.users (user_id, email, display_name) values ('${userId}', 'ada@example.org', 'Ada');`)
    .execute(test.owner.db);
  return { ...test, poolId, userId };
}

/** One script, because it runs thousands of times; nothing in it comes from outside. */
export async function createCast({ owner, poolId, userId }: Stage, shape: Shape): Promise<Cast> {
  const orgs = shape.tenants.map(() => newId<"org">());
  const lanes = shape.lanes.map(() => newId<"session">());
  const workers = Array.from({ length: Math.max(...shape.boots) + 1 }, () => newId<"worker">());
  const profiles = orgs.map(() => newId());
  const credentials = workers.map(() => `cww_${randomBytes(32).toString("base64url")}`);
  const values = (rows: string[]) => rows.join(", ");
  const tenants = shape.tenants.map((tenant, n) => ({ ...tenant, orgId: orgs[n]! }));
  const sessions = shape.lanes.map((tenant, n) => ({
    lane: lanes[n]!,
    orgId: orgs[tenant]!,
    profileId: profiles[tenant]!,
  }));
  await sql
    .raw(`
    insert into cowork.orgs (org_id, name) values ${values(orgs.map((org) => `('${org}', 'Example')`))};
    insert into cowork.tenants (org_id, weight) values ${values(tenants.map((t) => `('${t.orgId}', ${t.weight})`))};
    insert into cowork.quotas (org_id, quota, most) values ${values(
      tenants.map(
        (t) => `('${t.orgId}', 'concurrent_sessions', ${t.concurrent}), ('${t.orgId}', 'queue_depth', ${t.depth})`,
      ),
    )};
    insert into cowork.memberships (org_id, user_id, role) values ${values(orgs.map((org) => `('${org}', '${userId}', 'owner')`))};
    insert into cowork.profiles (org_id, profile_id, name, pool_id) values ${values(
      orgs.map((org, n) => `('${org}', '${profiles[n]}', 'default', '${poolId}')`),
    )};
    insert into cowork.sessions (org_id, session_id, profile_id, title, created_by) values ${values(
      sessions.map((s) => `('${s.orgId}', '${s.lane}', '${s.profileId}', '', '${userId}')`),
    )};
    insert into cowork.lanes (lane_id, org_id, session_id) values ${values(sessions.map((s) => `('${s.lane}', '${s.orgId}', '${s.lane}')`))};
    insert into cowork.workers (worker_id, pool_id, name, status) values ${values(
      workers.map((id) => `('${id}', '${poolId}', '${id}', 'active')`),
    )};
    insert into cowork.worker_credentials (credential_id, worker_id, credential_hash, expires_at) values ${values(
      workers.map(
        (id, n) =>
          `('${newId()}', '${id}', '${createHash("sha256").update(credentials[n]!).digest("hex")}', cowork.now() + interval '1 day')`,
      ),
    )};
    truncate proof.shadow;`)
    .execute(owner.db);
  const { rows } = await sql<{ begun: number; floor: number; tags: number }>`
    select (extract(epoch from cowork.now()) * 1000)::float8 as begun,
      coalesce((select floor from cowork.routes where pool_id = ${poolId}), 0)::float8 as floor,
      coalesce((select max(last_tag) from cowork.tenants), 0)::float8 as tags`.execute(owner.db);
  return {
    actors: orgs.map((orgId: OrgId) => ({ orgId, userId })),
    lanes,
    tenants: shape.lanes,
    workers,
    boots: shape.boots.map((worker) => ({
      bootId: newId(),
      workerId: workers[worker]!,
      credential: credentials[worker]!,
    })),
    begunAtMs: rows[0]!.begun,
    floor: rows[0]!.floor,
    tagsElsewhere: rows[0]!.tags,
  };
}

/**
 * After a disagreement: what it left behind stays, out of the way of the next schedule, which gets a pool of its own.
 * Cheaper by far than emptying the tables, and a failing schedule is shrunk by failing many times.
 */
export async function abandon(stage: Stage, { actors }: Cast): Promise<void> {
  const orgs = actors.map(({ orgId }) => `'${orgId}'`).join(", ");
  stage.poolId = newId<"pool">();
  await sql
    .raw(`update cowork.quotas set most = 0 where org_id in (${orgs});
    update cowork.lanes set lease_expires_at = 'infinity' where org_id in (${orgs}) and work_id is not null;
    update cowork.work set ready_at = 'infinity' where org_id in (${orgs}) and status = 'ready';
    ${poolSql(stage.poolId)}`)
    .execute(stage.owner.db);
}

/** With the one route that profiles lead to, so that its floor is there from the first step. */
const poolSql = (poolId: PoolId) => `
  insert into cowork.worker_pools (pool_id, org_id, name) values ('${poolId}', null, '${poolId}');
  insert into cowork.routes (pool_id, provider, capabilities) values ('${poolId}', 'default', '{}');`;
