import { existsSync } from "node:fs";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { systemClock } from "@open-cowork/contracts/clock";
import type { DecisionView } from "@open-cowork/contracts/decisions";
import type { DecisionAnswer } from "@open-cowork/contracts/http";
import type { DecisionId, SessionId } from "@open-cowork/contracts/ids";
import { turnsOf, type Turn } from "@open-cowork/contracts/transcript";
import { stopSession } from "@open-cowork/store/commands/stop-session";
import { decide } from "@open-cowork/store/decisions/decide";
import { expireDecisions } from "@open-cowork/store/decisions/expire-decisions";
import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import { addProfile } from "@open-cowork/store/testing/builders";
import { openSession } from "@open-cowork/store/testing/open-session";
import { createWorld, type World } from "@open-cowork/store/testing/world";
import { eventually } from "@open-cowork/testkit/eventually";
import { call, say } from "@open-cowork/testkit/scripted-model/script";
import { startScriptedModel, type ScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { approveAsks, passwordOf } from "./testing/approve-asks.ts";
import { groupMembers } from "./runtime/process-identity.ts";
import { endWorker, startedWorker, type WorkerProcess } from "./testing/worker-process.ts";

let world: World;
let model: ScriptedModel;
let root: string;
let settings: Record<string, string>;
let running: WorkerProcess | null = null;
const opened: SessionId[] = [];

beforeAll(async () => {
  world = await createWorld();
  const asksForEdits = [{ permission: "edit", action: "ask" }];
  await addProfile(world, world.actor, "hasty", { permissions: asksForEdits, decisionWaitMs: 4_000 });
  await addProfile(world, world.actor, "torn", { permissions: "all of them" });
  model = await startScriptedModel({
    scripts: {
      write: [
        call("write", { filePath: "a.txt", content: "one\n" }),
        say((seen) => `Told: ${seen.toolResults.at(-1)}`),
      ],
    },
  });
  root = await mkdtemp(join(tmpdir(), "cowork worker "));
  const { workerId, credential } = await world.enrol("worker-a");
  settings = {
    ROOT: root,
    WORKER_ID: workerId,
    WORKER_CREDENTIAL: credential,
    DATABASE_URL: world.urls.worker,
    MODEL_BASE_URL: model.baseUrl,
    LANES: "2",
    POLL_MS: "200",
    HEARTBEAT_MS: "500",
    LEASE_TTL_MS: "10000",
    LEASE_RENEW_MS: "2000",
    LEASE_MARGIN_MS: "2000",
    RUNTIME_SILENT_MS: "15000",
    SHUTDOWN_GRACE_MS: "20000",
  };
});
afterEach(async () => {
  // What a failed test left waiting would hold the lanes of the next one's worker.
  for (const sessionId of opened.splice(0)) await stopSession(world.as.web.db, world.actor, sessionId);
  await endWorker(running, "SIGTERM");
  running = null;
});
afterAll(async () => {
  await model?.close();
  await world?.drop();
  await rm(root, { recursive: true, force: true });
});

const start = async (more: Record<string, string> = {}) => (running = await startedWorker({ ...settings, ...more }));
const careful = async (prompt: string, profile = "careful") => {
  const { sessionId } = await openSession(world.as.web.db, world.actor, { prompt, profile });
  opened.push(sessionId);
  return sessionId;
};
const turnOf = async (sessionId: SessionId): Promise<Turn> =>
  turnsOf((await readSnapshot(world.as.web.db, world.actor, sessionId))!.transcript)[0]!;
const turnThat = (sessionId: SessionId, what: string, holds: (turn: Turn) => boolean, withinMs = 90_000) =>
  eventually(
    what,
    async () => {
      const turn = await turnOf(sessionId);
      return holds(turn) ? turn : null;
    },
    { withinMs },
  );
const isOver = ({ command }: Turn) => ["succeeded", "failed", "cancelled"].includes(command.status);
const asked = async (sessionId: SessionId, attempt = 1): Promise<DecisionView> => {
  const isOpen = (ask: DecisionView) => ask.status === "open" && ask.attempt === attempt;
  const { decisions } = await turnThat(sessionId, "it asks", (turn) => turn.decisions.some(isOpen));
  return decisions.find(isOpen)!;
};
const decided = async (sessionId: SessionId, ask: DecisionView, wish: DecisionAnswer) => {
  const decisionId = ask.decisionId as DecisionId;
  expect(await decide(world.as.web.db, world.actor, sessionId, decisionId, wish)).toMatchObject({ ok: true });
  world.as.web.notify("signals", sessionId);
};
const fileOf = (sessionId: SessionId) => join(root, "worker", "sessions", sessionId, "workspace", "a.txt");
const told = (turn: Turn) => JSON.stringify(turn.answers);
const enginePid = async (): Promise<number> => {
  const folder = join(root, "worker", "runtimes");
  const [name] = await readdir(folder);
  return (JSON.parse(await readFile(join(folder, name!), "utf8")) as { pid: number }).pid;
};

/** Two processes of half a gigabyte start in some of these, on whatever machine. */
const slow = { timeout: 300_000 };

describe("an agent of a careful profile", slow, () => {
  it("waits for longer than silence may last, and changes the file once a person approved exactly that", async () => {
    await start();
    const sessionId = await careful("[script:write]");
    const ask = await asked(sessionId);
    expect(ask).toMatchObject({ kind: "approval", request: { permission: "edit", patterns: ["a.txt"] } });
    expect(JSON.stringify(ask)).not.toContain(root);
    await systemClock.sleep(17_000);
    expect(existsSync(fileOf(sessionId))).toBe(false);
    await decided(sessionId, ask, { answer: "approve" });
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "succeeded", attempt: 1 });
    expect(turn.decisions).toMatchObject([{ status: "approved", by: "Ada" }]);
    expect(await readFile(fileOf(sessionId), "utf8")).toBe("one\n");
    expect(told(turn)).toContain("Told: Wrote file");
  });

  it("leaves the file alone when a person refuses, and when nobody answers in time", async () => {
    await start();
    const [refused, expired] = [await careful("[script:write]"), await careful("[script:write]", "hasty")];
    await decided(refused, await asked(refused), { answer: "refuse" });
    await asked(expired);
    await eventually(
      "its time is up",
      async () => (await expireDecisions(world.as.scheduler.db, 10)).includes(expired),
      { withinMs: 15_000 },
    );
    for (const [sessionId, status] of [
      [refused, "refused"],
      [expired, "expired"],
    ] as const) {
      const turn = await turnThat(sessionId, `it is over (${status})`, isOver);
      expect(turn.command).toMatchObject({ status: "succeeded", attempt: 1 });
      expect(turn.decisions).toMatchObject([{ status }]);
      expect(existsSync(fileOf(sessionId))).toBe(false);
    }
  });

  it("is stopped while it waits", async () => {
    await start();
    const sessionId = await careful("[script:write]");
    await asked(sessionId);
    expect(await stopSession(world.as.web.db, world.actor, sessionId)).toMatchObject({ ok: true });
    world.as.web.notify("signals", sessionId);
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "cancelled", reason: "stopped_by_person" });
    expect(turn.decisions).toMatchObject([{ status: "withdrawn" }]);
  });

  it("is asked about again by the next attempt when its worker is killed while it waits", async () => {
    const killed = await start();
    const sessionId = await careful("[script:write]");
    const first = await asked(sessionId);
    await endWorker(killed, "SIGKILL");
    await start();
    await eventually(
      "the lease is recovered",
      async () => (await recoverExpiredLeases(world.as.scheduler.db, 10)).length > 0,
      { withinMs: 30_000 },
    );
    const second = await asked(sessionId, 2);
    expect(second.decisionId).not.toBe(first.decisionId);
    await decided(sessionId, second, { answer: "approve" });
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(turn.decisions).toMatchObject([{ status: "withdrawn" }, { status: "approved" }]);
    expect(existsSync(fileOf(sessionId))).toBe(true);
  });

  it("is given back by a worker that leaves, and asked about again", async () => {
    const leaving = await startedWorker({ ...settings, SHUTDOWN_GRACE_MS: "14000" });
    const sessionId = await careful("[script:write]");
    await asked(sessionId);
    expect(await endWorker(leaving, "SIGTERM")).toBe(0);
    expect((await turnOf(sessionId)).decisions).toMatchObject([{ status: "withdrawn" }]);
    await start();
    await decided(sessionId, await asked(sessionId, 2), { answer: "refuse" });
    await turnThat(sessionId, "it is over", isOver);
  });
});

describe("a session whose profile can't be read", slow, () => {
  it("runs nothing and says so", async () => {
    await start();
    const sessionId = await careful("[script:write]", "torn");
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "failed", reason: "profile_invalid" });
    expect(turn.answers).toEqual([]);
  });
});

describe("an agent with a question", slow, () => {
  it("is told what a person answered", async () => {
    await start();
    const sessionId = await careful("[script:question]");
    const ask = await asked(sessionId);
    expect(ask).toMatchObject({ kind: "question", request: { questions: [{ header: "Door colour" }] } });
    await decided(sessionId, ask, { answers: [["Blue"]] });
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "succeeded" });
    expect(told(turn)).toContain("Blue");
  });
});

describe("somebody who answers past the plane", slow, () => {
  it("ends the turn for good, with evidence in the audit and in the log", async () => {
    // In a sandbox nobody reaches its port.
    const worker = await start({ SANDBOX: "none" });
    const sessionId = await careful("[script:write]");
    const ask = await asked(sessionId);
    const pid = await enginePid();
    await approveAsks(pid, await passwordOf(pid));
    const turn = await turnThat(sessionId, "it is over", isOver);
    expect(turn.command).toMatchObject({ status: "failed", reason: "unrecorded_reply", attempt: 1 });
    expect(turn.decisions).toMatchObject([{ decisionId: ask.decisionId, status: "withdrawn", by: null }]);
    expect(await world.audit()).toContainEqual(
      expect.objectContaining({ action: "work_failed", reason: "unrecorded_reply" }),
    );
    expect(worker.log()).toContain('"security":true');
    await eventually("its OpenCode has ended", async () => (await groupMembers(pid)).length === 0);
  });
});
