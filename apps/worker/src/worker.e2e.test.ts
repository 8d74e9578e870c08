import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { metrics } from "@open-cowork/contracts/metrics";
import type { SessionId } from "@open-cowork/contracts/ids";
import { turnsOf, type Turn } from "@open-cowork/contracts/transcript";
import { stopSession } from "@open-cowork/store/commands/stop-session";
import { explainSession } from "@open-cowork/store/work/explain-waiting";
import { readSnapshot } from "@open-cowork/store/events/read-snapshot";
import { recoverExpiredLeases } from "@open-cowork/store/leases/recover-expired-leases";
import { createWorld, type World } from "@open-cowork/store/testing/world";
import { eventually } from "@open-cowork/testkit/eventually";
import { hang, say } from "@open-cowork/testkit/scripted-model/script";
import { startScriptedModel, type ScriptedModel } from "@open-cowork/testkit/scripted-model/server";
import { groupMembers } from "./runtime/process-identity.ts";
import { endWorker, spawnWorker, startedWorker, type WorkerProcess } from "./testing/worker-process.ts";

const providerKey = "sk-the-real-key-of-the-provider";

let world: World;
let model: ScriptedModel;
let root: string;
let settings: Record<string, string>;
let running: WorkerProcess | null = null;

beforeAll(async () => {
  world = await createWorld();
  model = await startScriptedModel({ scripts: { "talk-then-hang": [say("I begin to speak and then"), hang()] } });
  root = await mkdtemp(join(tmpdir(), "cowork worker "));
  const { workerId, credential } = await world.enrol("worker-a");
  settings = {
    ROOT: root,
    WORKER_ID: workerId,
    WORKER_CREDENTIAL: credential,
    DATABASE_URL: world.urls.worker,
    MODEL_BASE_URL: model.baseUrl,
    MODEL_API_KEY: providerKey,
    LANES: "2",
    POLL_MS: "200",
    HEARTBEAT_MS: "500",
    LEASE_TTL_MS: "4000",
    LEASE_RENEW_MS: "1000",
    LEASE_MARGIN_MS: "1000",
    SHUTDOWN_GRACE_MS: "20000",
    RUNTIME_SPARES: "0",
  };
});
afterEach(async () => {
  await endWorker(running, "SIGTERM");
  running = null;
});
afterAll(async () => {
  await model?.close();
  await world?.drop();
  await rm(root, { recursive: true, force: true });
});

const start = async () => (running = await startedWorker(settings));
const turns = async (sessionId: SessionId): Promise<Turn[]> =>
  turnsOf((await readSnapshot(world.as.web.db, world.actor, sessionId))!.transcript);
const turnThat = (sessionId: SessionId, n: number, holds: (turn: Turn) => boolean, withinMs = 90_000) =>
  eventually("the turn gets there", async () => (await turns(sessionId)).filter((turn) => holds(turn))[n], {
    withinMs,
  });
const finished = (sessionId: SessionId, n = 0) =>
  turnThat(sessionId, n, ({ command }) => ["succeeded", "failed", "cancelled"].includes(command.status));
const spoken = (turn: Turn) =>
  turn.answers
    .flatMap(({ parts }) => Object.values(parts))
    .map((part) => (part.type === "text" ? String(part["text"]) : ""))
    .join("");
const enginePids = async () => {
  const folder = join(root, "worker", "runtimes");
  const names = await readdir(folder).catch(() => [] as string[]);
  return Promise.all(
    names.map(async (name) => (JSON.parse(await readFile(join(folder, name), "utf8")) as { pid: number }).pid),
  );
};

/** The lease of this session, and not one that another test left behind. */
const recovered = (sessionId: SessionId) =>
  eventually(
    "the lease is recovered",
    async () => (await recoverExpiredLeases(world.as.scheduler.db, 10)).some((one) => one.sessionId === sessionId),
    { withinMs: 10_000 },
  );

describe("a worker", () => {
  it("claims a prompt, streams its answer into the plane, and takes a follow-up with the same runtime", async () => {
    const worker = await start();
    const sessionId = await world.wish("[script:demo] hello");
    expect(await finished(sessionId)).toMatchObject({ command: { status: "succeeded", attempt: 1 } });
    const [engine] = await enginePids();
    await world.enqueue(sessionId, "[script:text] and again");
    const follow = await finished(sessionId, 1);
    expect(spoken(follow)).toBe("This is a plain answer, in a few words and without any tool.");
    expect(await enginePids()).toEqual([engine]);
    expect(JSON.stringify(await turns(sessionId))).not.toContain(root);

    const text = await (await fetch(`http://127.0.0.1:${worker.opsPort}/metrics`)).text();
    const refusedNothing = new Set(["cowork_refusals_total"]);
    for (const [name, row] of Object.entries(metrics)) {
      if ((row.roles as readonly string[]).includes("worker") && !refusedNothing.has(name))
        expect(text).toContain(`\n${name}`);
    }
    expect(worker.log() + worker.stderr()).not.toContain(providerKey);
    expect(await endWorker(worker, "SIGTERM")).toBe(0);
    expect(await groupMembers(engine!)).toEqual([]);
  });

  it("stops a turn when a person says so, and finishes it as cancelled", async () => {
    await start();
    const sessionId = await world.wish("[script:talk-then-hang]");
    await turnThat(sessionId, 0, (turn) => spoken(turn).includes("speak"));
    expect(await stopSession(world.as.web.db, world.actor, sessionId)).toMatchObject({
      ok: true,
      value: { signalled: true },
    });
    world.as.web.notify("signals", sessionId);
    expect(await finished(sessionId)).toMatchObject({ command: { status: "cancelled", reason: "stopped_by_person" } });
  });

  it("gives a running turn back when it is told to leave, and another process finishes it", async () => {
    const worker = await start();
    const sessionId = await world.wish("[script:slow]");
    await turnThat(sessionId, 0, (turn) => spoken(turn).includes("Line 2"));
    running = null;
    settings["SHUTDOWN_GRACE_MS"] = "6000";
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toBe(0);
    expect(await turns(sessionId)).toMatchObject([
      { command: { status: expect.stringMatching(/waiting|succeeded/) as string } },
    ]);
    expect(await enginePids()).toEqual([]);
    await start();
    expect(spoken(await finished(sessionId))).toContain("Line 30 of 30");
  });
});

describe("a worker with a spare runtime", () => {
  it("gives it to the next new session, starts another, and ends an unused one with all it had when it leaves", async () => {
    settings["RUNTIME_SPARES"] = "1";
    const worker = await start();
    settings["RUNTIME_SPARES"] = "0";
    const runtimes = async (state: string) => {
      const text = await (await fetch(`http://127.0.0.1:${worker.opsPort}/metrics`)).text();
      return new RegExp(`cowork_runtimes\\{state="${state}"\\} (\\d+)`).exec(text)?.[1];
    };
    const oneIsWarm = () =>
      eventually("one is warm", async () => (await runtimes("warm")) === "1", { withinMs: 40_000 });
    await oneIsWarm();
    const [spare] = await enginePids();
    const sessionId = await world.wish("[script:tool] in the spare");
    expect(await finished(sessionId)).toMatchObject({ command: { status: "succeeded", attempt: 1 } });
    const record = await readFile(join(root, "worker", "runtimes", `${sessionId}.json`), "utf8");
    expect(record).toContain(`"pid":${spare},`);
    expect(await readFile(join(root, "worker", "sessions", sessionId, "workspace", "tool.txt"), "utf8")).toContain(
      "model",
    );

    await oneIsWarm();
    expect(await enginePids()).toHaveLength(2);
    const directories = async () =>
      (await readdir(join(root, "worker", "sessions"))).filter((name) => name.startsWith("spare-"));
    expect(await directories()).toHaveLength(2);
    expect(await endWorker(worker, "SIGTERM")).toBe(0);
    expect(await enginePids()).toEqual([]);
    expect(await directories()).toHaveLength(1);
  });

  it("that is killed leaves none to its follower", async () => {
    settings["RUNTIME_SPARES"] = "1";
    const killed = await start();
    settings["RUNTIME_SPARES"] = "0";
    const [spare] = await eventually(
      "it is starting",
      async () => ((await enginePids()).length > 0 ? enginePids() : null),
      { withinMs: 20_000 },
    );
    await endWorker(killed, "SIGKILL");
    const before = await readdir(join(root, "worker", "sessions"));
    await start();
    expect(await groupMembers(spare!)).toEqual([]);
    expect((await readdir(join(root, "worker", "sessions"))).length).toBe(before.length - 1);
  });
});

describe("a session whose conversation OpenCode can't go on with", () => {
  it("gets a new one for its next prompt, with its files, and the old one is kept aside", async () => {
    const worker = await start();
    const sessionId = await world.wish("[script:tool] a file");
    expect(await finished(sessionId)).toMatchObject({ command: { status: "succeeded" } });
    await endWorker(worker, "SIGTERM");
    const directory = join(root, "worker", "sessions", sessionId);
    const database = new DatabaseSync(join(directory, "state", "opencode.db"));
    database.prepare("update message set data = '{}'").run();
    database.close();

    const next = await start();
    await world.enqueue(sessionId, "[script:text] and again");
    expect(await finished(sessionId, 1)).toMatchObject({ command: { status: "succeeded", attempt: 1 } });
    expect(next.log()).toContain("the session goes on in a new conversation");
    expect(await readdir(directory)).toEqual(expect.arrayContaining(["state", "state-aside", "workspace"]));
    expect(await readFile(join(directory, "workspace", "tool.txt"), "utf8")).toContain("scripted model");
  });
});

describe("a worker that is killed in the middle of a turn", () => {
  it("is followed by one that ends its orphan, claims again after the lease and finishes without the interrupted turn", async () => {
    const killed = await start();
    const sessionId = await world.wish("[script:slow] tell me");
    await turnThat(sessionId, 0, (turn) => spoken(turn).includes("Line 2"));
    const [orphan] = await enginePids();
    await endWorker(killed, "SIGKILL");

    await start();
    expect(await groupMembers(orphan!)).toEqual([]);
    await recovered(sessionId);
    const turn = await finished(sessionId);
    expect(turn.command).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(spoken(turn)).toContain("Line 30 of 30");
    expect(turn.lost.length).toBeGreaterThan(0);
    const carried = model.requests.at(-1)!.messages.filter(({ role }) => role === "user");
    expect(carried).toHaveLength(1);
  });
});

describe("a worker that was frozen for longer than its lease", () => {
  it("writes nothing more for it when it wakes, and its next attempt answers the prompt once", async () => {
    const worker = await start();
    const sessionId = await world.wish("[script:slow] freeze");
    await turnThat(sessionId, 0, (turn) => spoken(turn).includes("Line 2"));
    worker.child.kill("SIGSTOP");
    await recovered(sessionId);
    const before = await turns(sessionId);
    worker.child.kill("SIGCONT");
    const turn = await finished(sessionId);
    expect(turn.command).toMatchObject({ status: "succeeded", attempt: 2 });
    expect(spoken(turn).match(/Line 30 of 30/g)).toHaveLength(1);
    expect(turn.lost.map(({ info }) => info.id)).toEqual(before[0]!.lost.map(({ info }) => info.id));
    expect(worker.log()).toContain("the lease is lost");
  });
});

describe("a session that nobody uses for the idle time", () => {
  it("loses its runtime and nothing else: its next prompt goes on in another one", async () => {
    await startedWorker({ ...settings, RUNTIME_IDLE_MS: "200" }).then((worker) => (running = worker));
    const sessionId = await world.wish("[script:text] remember the colour green");
    await finished(sessionId);
    await eventually("it has ended", async () => (await enginePids()).length === 0, { withinMs: 20_000 });
    await world.enqueue(sessionId, "[script:text] and now?");
    expect(await finished(sessionId, 1)).toMatchObject({ command: { status: "succeeded", attempt: 1 } });
    expect(JSON.stringify(model.requests.at(-1)!.messages)).toContain("the colour green");
  });
});

describe("a worker without enough free memory", () => {
  it("claims nothing, says why, and costs the waiting work no attempt", async () => {
    const short = await startedWorker({ ...settings, LIMITS_RESERVE_MB: "100000000" });
    const sessionId = await world.wish("[script:text] when there is room");
    const why = () => explainSession(world.as.web.db, world.actor, sessionId);
    await eventually("it says so", async () => (await why())?.reason === "capacity_unavailable", { withinMs: 20_000 });
    expect(short.log()).toContain("too little memory");
    const text = await (await fetch(`http://127.0.0.1:${short.opsPort}/metrics`)).text();
    expect(text).toContain(`cowork_refusals_total{reason="capacity_unavailable"} 1`);
    expect(await endWorker(short, "SIGTERM")).toBe(0);
    await start();
    expect(await finished(sessionId)).toMatchObject({ command: { status: "succeeded", attempt: 1 } });
  });
});

describe("a worker that is told twice to leave", () => {
  it("leaves at once and takes its OpenCode with it", async () => {
    const worker = await start();
    const sessionId = await world.wish("[script:slow]");
    await turnThat(sessionId, 0, (turn) => spoken(turn).includes("Line 2"));
    const [engine] = await enginePids();
    worker.child.kill("SIGTERM");
    await eventually("it has heard the first", () => worker.log().includes("stopping"));
    worker.child.kill("SIGTERM");
    expect(await worker.exited).toBe(1);
    await eventually("its OpenCode has ended", async () => (await groupMembers(engine!)).length === 0);
  });
});

describe("a worker that must not start", () => {
  it("refuses the production tier without a sandbox, in one line", async () => {
    const worker = await spawnWorker({ ...settings, TIER: "production", SANDBOX: "none" });
    expect(await worker.exited).toBe(3);
    expect(worker.stderr().trim().split("\n")).toEqual([expect.stringContaining("sandbox none")]);
  });

  it("claims nothing and leaves with one line when OpenCode can't be run", async () => {
    const sessionId = await world.wish("[script:text] for a worker that can");
    const worker = await spawnWorker({ ...settings, RUNTIME_SPARES: "1", RUNTIME_START_MS: "50" });
    expect(await worker.exited).toBe(1);
    expect(worker.stderr().trim().split("\n")).toEqual([expect.stringContaining("OpenCode can't be run here: ")]);
    expect((await turns(sessionId))[0]!.command.status).toBe("waiting");
    expect(await enginePids()).toEqual([]);
  });
});
