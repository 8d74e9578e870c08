import { newId } from "@open-cowork/contracts/ids";
import { enqueuePrompt } from "../commands/enqueue-prompt.ts";
import { stopSession } from "../commands/stop-session.ts";
import type { Db } from "../database/open.ts";
import { decide } from "../decisions/decide.ts";
import { expireDecisions } from "../decisions/expire-decisions.ts";
import { dropDeadLetter, retryDeadLetter } from "../dead-letters/resolve-dead-letter.ts";
import { recoverExpiredLeases } from "../leases/recover-expired-leases.ts";
import type { ServiceRole } from "../migrate/roles.ts";
import { said } from "../testing/world.ts";
import { appendEvents } from "../worker-api/append-events.ts";
import { claimWork } from "../worker-api/claim-work.ts";
import { finishAll, type Ending } from "../worker-api/finish-work.ts";
import { heartbeat } from "../worker-api/heartbeat.ts";
import type { Lease } from "../worker-api/lease.ts";
import { recordArtifact } from "../worker-api/record-artifact.ts";
import { recordUsage } from "../worker-api/record-usage.ts";
import { renewLeases } from "../worker-api/renew-leases.ts";
import { revealSecret } from "../worker-api/reveal-secret.ts";
import { saveCheckpoint } from "../worker-api/save-checkpoint.ts";
import { takeSignals } from "../worker-api/take-signals.ts";
import { markUnhealthyWorkers } from "../workers/mark-unhealthy-workers.ts";
import { moveWorker } from "../workers/move-worker.ts";
import { promoteDueWork } from "../work/promote-due-work.ts";
import { settleReadyWork } from "../work/settle-ready-work.ts";
import type { Row } from "./rows.ts";
import { heartbeatOf, sha256, type Scene, type SessionName, type WorkerName } from "./scene.ts";

/** One call of a verb in the scene: always the same, so that two of it are a call and its repeat after a lost answer. */
export interface Verb {
  role: ServiceRole;
  call(db: Db, scene: Scene): Promise<unknown>;
  /** The rows that it waits for when somebody holds them: measured, and compared with this. */
  waitsFor: readonly Row[];
  /** Rows that it passes over when somebody holds them. */
  passesOver?: readonly Row[];
  /** A batch is decided input by input, each at its own instant; these may come between two of them. */
  decidesEach?: readonly string[];
}

const ttlMs = 60_000;
const at = (scene: Scene, name: SessionName) => scene.sessions[name];
const artifactId = newId();

const claim = (name: WorkerName) => (db: Db, scene: Scene) =>
  claimWork(db, scene.world.request(scene.workers[name], { limit: 1, ttlMs, requestSecret: `${name} `.repeat(16) }));

const beat = (name: WorkerName) => (db: Db, scene: Scene) => heartbeat(db, heartbeatOf(scene.workers[name], 2));

const append = (pick: (scene: Scene) => Lease[]) => (db: Db, scene: Scene) =>
  appendEvents(
    db,
    pick(scene).map((lease) => ({
      lease,
      batchNo: 1,
      events: [said.message("msg_1"), said.part("msg_1", "prt_1", "Hi")],
    })),
  );

const finish = (outcome: Ending["outcome"], pick: (scene: Scene) => Lease[]) => (db: Db, scene: Scene) =>
  finishAll(
    db,
    pick(scene).map((lease) => ({ lease, batchNo: 1, events: [said.message("msg_2")], outcome })),
  );

/** Two sessions of an organisation share packs, as two clones of one repository do. */
const checkpoint = (name: "a" | "d", packs: readonly string[]) => (db: Db, scene: Scene) =>
  saveCheckpoint(db, scene.leases[name], {
    schemaVersion: 1,
    manifestKey: `orgs/${scene.one.orgId}/sessions/${at(scene, name)}/checkpoints/${sha256(name)}`,
    manifestSha256: sha256(name),
    sizeBytes: 1,
    packs: packs.map((pack) => ({
      sha256: sha256(pack),
      objectKey: `orgs/${scene.one.orgId}/packs/${sha256(pack)}`,
      sizeBytes: 1,
    })),
  });

const enqueue = (name: SessionName) => (db: Db, scene: Scene) =>
  enqueuePrompt(db, scene.one, at(scene, name), { text: "more", traceparent: null });

const move = (to: "paused" | "revoked") => (db: Db, scene: Scene) =>
  moveWorker(db, scene.one.userId, scene.workers.steady.workerId, to);

/** Every verb, once for each way in which it meets others. */
export const verbs = {
  heartbeat: { role: "worker", call: beat("steady"), waitsFor: ["process steady"] },
  "heartbeat of one that was away": { role: "worker", call: beat("away"), waitsFor: ["worker away", "process away"] },
  "heartbeat of one that fell silent": { role: "worker", call: beat("other"), waitsFor: ["process other"] },
  claim: {
    role: "worker",
    call: claim("steady"),
    waitsFor: ["work r", "session r", "worker steady"],
    passesOver: ["lane r"],
  },
  "claim by another": {
    role: "worker",
    call: claim("other"),
    waitsFor: ["work r", "session r", "worker other"],
    passesOver: ["lane r"],
  },
  "claim by one that was away": {
    role: "worker",
    call: claim("away"),
    waitsFor: ["worker away"],
    passesOver: ["lane p", "lane r"],
  },
  renew: {
    role: "worker",
    call: (db, { leases, stale }) => renewLeases(db, { leases: [leases.d, stale.d, leases.a, stale.a], ttlMs }),
    waitsFor: ["lane a", "work a", "lane d", "work d", "attempt stale a", "attempt stale d"],
    decidesEach: ["pause"],
  },
  append_events: {
    role: "worker",
    call: append(({ leases, stale }) => [leases.a, stale.a, leases.b, leases.d, stale.d]),
    waitsFor: ["lane a", "lane b", "lane d", "attempt stale a", "attempt stale d"],
  },
  save_checkpoint: {
    role: "worker",
    call: checkpoint("a", ["one", "two"]),
    waitsFor: ["lane a", "work a", "pack one", "pack two"],
  },
  "save_checkpoint of another session": {
    role: "worker",
    call: checkpoint("d", ["two", "one"]),
    waitsFor: ["lane d", "work d", "pack one", "pack two"],
  },
  record_artifact: {
    role: "worker",
    call: (db, scene) =>
      recordArtifact(db, scene.leases.a, {
        artifactId,
        name: "a.txt",
        contentType: "text/plain",
        objectKey: `orgs/${scene.one.orgId}/sessions/${at(scene, "a")}/artifacts/${artifactId}/${sha256("a")}`,
        sha256: sha256("a"),
        sizeBytes: 1,
      }),
    waitsFor: ["lane a"],
  },
  record_usage: {
    role: "worker",
    call: (db, { leases }) => recordUsage(db, leases.a, [{ kind: "tokens_in", key: "k", amount: 5 }]),
    waitsFor: ["lane a"],
  },
  reveal_secret: {
    role: "worker",
    call: (db, { leases }) => revealSecret(db, leases.a, "default"),
    waitsFor: ["lane a"],
  },
  take_signals: {
    role: "worker",
    call: (db, { leases, stale }) => takeSignals(db, [stale.d, stale.a, leases.c]),
    waitsFor: ["lane c", "attempt stale a", "attempt stale d"],
  },
  "append_events of stale leases": {
    role: "worker",
    call: append(({ stale }) => [stale.a, stale.d]),
    waitsFor: ["attempt stale a", "attempt stale d"],
  },
  finish: {
    role: "worker",
    call: finish({ kind: "succeeded" }, ({ leases }) => [leases.d]),
    waitsFor: ["lane d", "work d", "session d", "work q", "tenant one", "route tags"],
    passesOver: ["lane q"],
  },
  "finish of two organisations": {
    role: "worker",
    call: finish({ kind: "succeeded" }, ({ leases }) => [leases.a, leases.c]),
    waitsFor: [
      "lane a",
      "work a",
      "session a",
      "lane c",
      "work c",
      "session c",
      "work y",
      "tenant one",
      "tenant two",
      "route tags",
    ],
    passesOver: ["lane y"],
  },
  "release of two organisations": {
    role: "worker",
    call: finish({ kind: "released", reason: "worker_draining" }, ({ leases }) => [leases.d, leases.b]),
    waitsFor: [
      "lane b",
      "work b",
      "session b",
      "lane d",
      "work d",
      "session d",
      "work q",
      "work y",
      "tenant one",
      "tenant two",
      "route tags",
    ],
    passesOver: ["lane q", "lane y"],
  },
  "enqueue behind what runs": { role: "web", call: enqueue("d"), waitsFor: ["lane d", "session d", "tenant one"] },
  "enqueue behind what waits for room": {
    role: "web",
    call: enqueue("q"),
    waitsFor: ["lane q", "session q", "tenant one", "route tags"],
  },
  "enqueue in an idle session": {
    role: "web",
    call: enqueue("i"),
    waitsFor: ["lane i", "session i", "tenant one", "route tags"],
  },
  "stop of what runs": {
    role: "web",
    call: (db, scene) => stopSession(db, scene.one, at(scene, "a")),
    waitsFor: ["lane a", "work a", "tenant one"],
  },
  "stop of what is ready": {
    role: "web",
    call: (db, scene) => stopSession(db, scene.one, at(scene, "r")),
    waitsFor: ["lane r", "work r", "work q", "tenant one", "route tags"],
    passesOver: ["lane q"],
  },
  "decide about a call": {
    role: "web",
    call: (db, scene) => decide(db, scene.one, at(scene, "d"), scene.asks.d, { answer: "approve" }),
    waitsFor: ["lane d", "session d"],
  },
  "decide otherwise": {
    role: "web",
    call: (db, scene) => decide(db, scene.one, at(scene, "d"), scene.asks.d, { answer: "refuse" }),
    waitsFor: ["lane d", "session d"],
  },
  expire_decisions: {
    role: "scheduler",
    call: (db) => expireDecisions(db, 10),
    waitsFor: ["session a"],
    passesOver: ["lane a"],
  },
  recover_lease: {
    role: "scheduler",
    call: (db) => recoverExpiredLeases(db, 10),
    waitsFor: ["work e", "session e", "work q", "tenant one", "route tags"],
    passesOver: ["lane e", "lane q"],
  },
  promote_due: {
    role: "scheduler",
    call: (db) => promoteDueWork(db, 10),
    waitsFor: ["work y", "tenant two", "route tags"],
    passesOver: ["lane q", "lane y"],
  },
  settle_ready: {
    role: "scheduler",
    call: (db) => settleReadyWork(db, 10),
    waitsFor: ["route"],
    passesOver: ["work p", "route tags"],
  },
  mark_unhealthy: {
    role: "scheduler",
    call: (db) => markUnhealthyWorkers(db, 30_000),
    waitsFor: [],
    passesOver: ["worker other", "process other"],
  },
  pause: { role: "web", call: move("paused"), waitsFor: ["worker steady"] },
  revoke: {
    role: "web",
    call: move("revoked"),
    waitsFor: [
      "lane a",
      "work a",
      "session a",
      "lane b",
      "work b",
      "session b",
      "lane c",
      "work c",
      "session c",
      "lane d",
      "work d",
      "session d",
      "work q",
      "work y",
      "worker steady",
      "tenant one",
      "tenant two",
      "route tags",
    ],
    passesOver: ["lane q", "lane y"],
  },
  retry_dead_letter: {
    role: "web",
    call: (db, scene) => retryDeadLetter(db, scene.one, scene.deadWork, null),
    waitsFor: ["lane x", "work x", "tenant one", "route tags", "dead letter"],
  },
  drop_dead_letter: {
    role: "web",
    call: (db, scene) => dropDeadLetter(db, scene.one, scene.deadWork),
    waitsFor: ["lane x", "work x", "dead letter"],
  },
} as const satisfies Record<string, Verb>;

export type VerbName = keyof typeof verbs;
export const verbNames = Object.keys(verbs) as VerbName[];
