import { createHash, randomBytes } from "node:crypto";
import { newId, type BootId, type PoolId, type SessionId, type WorkerId } from "@open-cowork/contracts/ids";
import { enqueuePrompt } from "@open-cowork/store/commands/enqueue-prompt";
import { openDatabase, type Database } from "@open-cowork/store/database/open";
import { ensureFirstOwner } from "@open-cowork/store/identity/ensure-first-owner";
import { createOwner } from "@open-cowork/store/migrate/create-owner";
import { setUpDatabase, type urlsOf, withOwner } from "@open-cowork/store/migrate/set-up-database";
import { openSession } from "@open-cowork/store/testing/open-session";
import { promoteDueWork } from "@open-cowork/store/work/promote-due-work";
import { settleReadyWork } from "@open-cowork/store/work/settle-ready-work";
import { heartbeat } from "@open-cowork/store/worker-api/heartbeat";
import { workerWarmUp } from "@open-cowork/store/worker-api/warm-up";
import { ensureWorker } from "@open-cowork/store/workers/ensure-worker";
import { databaseUrl, query } from "./query.ts";

/** Whoever asks, and for which organisation. */
export type Person = Parameters<typeof enqueuePrompt>[1];

export interface BenchWorker {
  workerId: WorkerId;
  credential: string;
  bootId: BootId;
}

const passwords = { web: "web-in-bench", scheduler: "scheduler-in-bench", worker: "worker-in-bench" };
/** Beyond what a contestant ever has at once: quotas are measured where a case is about them. */
const plenty = 10_000_000;

/** Our plane's database, reached as in production: web, scheduler and worker each in their own role. */
export class BenchPlane {
  readonly name: string;
  readonly adminUrl: string;
  readonly urls: ReturnType<typeof urlsOf>;
  readonly poolId: PoolId;
  readonly person: Person;
  readonly web: Database;
  readonly scheduler: Database;
  readonly worker: Database;

  private constructor(
    name: string,
    made: Pick<BenchPlane, "adminUrl" | "urls" | "poolId" | "person">,
    workers: number,
  ) {
    this.name = name;
    this.adminUrl = made.adminUrl;
    this.urls = made.urls;
    this.poolId = made.poolId;
    this.person = made.person;
    const open = (url: string, who: string, connections: number, warmUp: readonly string[] = ["select 1"]) =>
      openDatabase({
        url,
        applicationName: `bench-${who}`,
        deadlineMs: 60_000,
        connections,
        transactionPooler: false,
        warmUp,
      });
    this.web = open(this.urls.web, "web", 8);
    this.scheduler = open(this.urls.scheduler, "scheduler", 2);
    this.worker = open(this.urls.worker, "worker", workers, workerWarmUp);
  }

  static async create(serverUrl: string, name: string, options: { workerConnections: number }): Promise<BenchPlane> {
    await query(serverUrl, `drop database if exists ${name} with (force)`);
    const ownerUrl = await createOwner(serverUrl, { database: name, password: "owner-in-bench" });
    const { urls } = await setUpDatabase(ownerUrl, passwords);
    const first = await withOwner(ownerUrl, ({ db }) =>
      ensureFirstOwner(db, { email: "ada@example.org", displayName: "Ada", orgName: "Example" }),
    );
    const adminUrl = databaseUrl(serverUrl, name);
    const person = { orgId: first.orgId, userId: first.userId };
    await setQuota(adminUrl, person.orgId, plenty);
    return new BenchPlane(name, { adminUrl, urls, poolId: first.poolId, person }, options.workerConnections);
  }

  /** The same plane over connections of its own; closing those lets Postgres count what they did. */
  reopened(options: { workerConnections: number }): BenchPlane {
    return new BenchPlane(this.name, this, options.workerConnections);
  }

  sql<T extends object>(text: string, values: unknown[] = []): Promise<T[]> {
    return query<T>(this.adminUrl, text, values);
  }

  /** Another organisation that uses the same pool. */
  async newTenant(concurrent = plenty): Promise<Person> {
    const orgId = newId<"org">();
    await this.sql("insert into cowork.orgs (org_id, name) values ($1, 'Another')", [orgId]);
    await this.sql("insert into cowork.tenants (org_id) values ($1)", [orgId]);
    await this.sql("insert into cowork.memberships (org_id, user_id, role) values ($1, $2, 'owner')", [
      orgId,
      this.person.userId,
    ]);
    await this.sql("insert into cowork.profiles (org_id, profile_id, name, pool_id) values ($1, $2, 'default', $3)", [
      orgId,
      newId(),
      this.poolId,
    ]);
    await setQuota(this.adminUrl, orgId, concurrent);
    return { orgId, userId: this.person.userId };
  }

  async newSession(person = this.person): Promise<SessionId> {
    return (await openSession(this.web.db, person)).sessionId;
  }

  async newSessions(count: number, person = this.person): Promise<SessionId[]> {
    return inTurns(count, 8, () => this.newSession(person));
  }

  async enqueue(sessionId: SessionId, person = this.person): Promise<void> {
    const outcome = await enqueuePrompt(this.web.db, person, sessionId, { text: "Say hello", traceparent: null });
    if (!outcome.ok) throw new Error(`the prompt was refused: ${outcome.reason}`);
  }

  /** An enrolled worker process that has reported itself, as ours does before it claims. */
  async enrol(name: string): Promise<BenchWorker> {
    const credential = `cww_${randomBytes(32).toString("base64url")}`;
    const credentialHash = createHash("sha256").update(credential).digest("hex");
    const workerId = await withOwner(this.adminUrl, ({ db }) =>
      ensureWorker(db, { poolId: this.poolId, name, credentialHash, validDays: 1 }),
    );
    const worker: BenchWorker = { workerId, credential, bootId: newId() };
    await this.beat(worker, 1);
    return worker;
  }

  async beat(worker: BenchWorker, seq: number, draining = false): Promise<void> {
    const load = { lanes: 50, busy: 0 };
    const body = { bootId: worker.bootId, seq, versions: {}, capabilities: [], load, activeWorkIds: [] };
    const { workerId, credential } = worker;
    const outcome = await heartbeat(this.worker.db, {
      workerId,
      credential,
      body: { ...body, draining, lastError: null },
    });
    if (!outcome.ok) throw new Error(`the heartbeat was refused: ${outcome.reason}`);
  }

  /** What the scheduler does to the queue each second. */
  async tick(): Promise<void> {
    await promoteDueWork(this.scheduler.db, 200);
    await settleReadyWork(this.scheduler.db, 200);
  }

  async close(): Promise<void> {
    await Promise.all([this.web.close(), this.scheduler.close(), this.worker.close()]);
  }
}

async function setQuota(adminUrl: string, orgId: string, concurrent: number): Promise<void> {
  for (const [quota, most] of [
    ["concurrent_sessions", concurrent],
    ["queue_depth", plenty],
  ])
    await query(
      adminUrl,
      "insert into cowork.quotas values ($1, $2, $3) on conflict (org_id, quota) do update set most = excluded.most",
      [orgId, quota, most],
    );
}

/** `count` results of `make`, with at most `atOnce` of them under way. */
export async function inTurns<T>(count: number, atOnce: number, make: (n: number) => Promise<T>): Promise<T[]> {
  const made: T[] = Array.from({ length: count });
  let next = 0;
  const runner = async () => {
    for (let n = next++; n < count; n = next++) made[n] = await make(n);
  };
  await Promise.all(Array.from({ length: Math.min(atOnce, count) }, runner));
  return made;
}
