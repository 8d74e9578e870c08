import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { createOwner } from "@open-cowork/store/migrate/create-owner";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";
import { startEmbeddedPostgres } from "@open-cowork/testkit/postgres/embedded";
import { PlaneClient } from "../plane/plane-client.ts";
import { pidOf, processesOf, RunningPlane } from "../plane/running-plane.ts";

const startMs = 90_000;

let root: string;
let env: Record<string, string | undefined>;
const planes: RunningPlane[] = [];

beforeEach(async () => {
  root = mkdtempSync(join(tmpdir(), "cowork start "));
  env = { ...process.env, OPEN_COWORK_CLOUD_ROOT: root, OPEN_COWORK_CLOUD_PORT: String(await freePort()) };
});

afterEach(async () => {
  for (const plane of planes.splice(0)) await plane.stop().catch(() => plane.child.kill("SIGKILL"));
  for (const { pid } of processesOf(root)) process.kill(pid, "SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

function start(change: Record<string, string> = {}): RunningPlane {
  const plane = RunningPlane.start({ ...env, ...change });
  planes.push(plane);
  return plane;
}

/** The one line of a start that is refused. */
async function refusalOf(change: Record<string, string>, exitCode = 1): Promise<string> {
  const plane = start(change);
  expect(await plane.exited).toBe(exitCode);
  const lines = plane.output.split("\n").filter((line) => line.startsWith("start: "));
  expect(lines, plane.output).toHaveLength(1);
  expect(plane.output).not.toMatch(/\n\s+at /);
  return lines[0]!;
}

describe("pnpm start", () => {
  it("prints a sign-in link that works once, answers a prompt, and stops on Ctrl-C without leaving a process", async () => {
    const plane = start();
    const link = await plane.signInLink(startMs);
    const client = await PlaneClient.signIn(link);
    await expect(PlaneClient.signIn(link)).rejects.toThrow("refused");
    expect((await client.page("/")).status).toBe(200);
    const { sessionId } = await client.createSession({ prompt: "Hello, who are you?" });
    expect(await client.firstWords(sessionId, 1, startMs)).not.toBe("");

    expect(await plane.stop("SIGINT")).toBe(0);
    expect(processesOf(root)).toEqual([]);
  });

  it("refuses to run twice on one root, and names the first one's pid and address", async () => {
    const first = start();
    await first.signInLink(startMs);
    const line = await refusalOf({ OPEN_COWORK_CLOUD_PORT: String(await freePort()) });
    expect(line).toContain(`pid ${first.child.pid}`);
    expect(line).toContain(`http://127.0.0.1:${env["OPEN_COWORK_CLOUD_PORT"]}`);
  });

  it("ends what a killed launcher left behind, keeps its data, and runs", async () => {
    const killed = start();
    const client = await PlaneClient.signIn(await killed.signInLink(startMs));
    const { sessionId } = await client.createSession({ title: "kept" });
    const orphans = ["postgres", "model", "web", "scheduler", "worker"].map((part) => pidOf(root, part)!);
    killed.child.kill("SIGKILL");
    await killed.exited;
    expect(processesOf(root).map(({ pid }) => pid)).toEqual(expect.arrayContaining(orphans));

    const next = start();
    const again = await PlaneClient.signIn(await next.signInLink(startMs));
    expect(next.output).toContain("ended what an earlier start left behind");
    const alive = processesOf(root).map(({ pid }) => pid);
    expect(alive.filter((pid) => orphans.includes(pid))).toEqual([]);
    expect(await again.getSession(sessionId)).toMatchObject({ title: "kept" });
  });

  it("starts again what was killed, whatever it is, and nothing else stops", async () => {
    const parts = ["worker", "web", "scheduler", "model", "postgres"];
    const plane = start();
    const client = await PlaneClient.signIn(await plane.signInLink(startMs));
    for (const part of parts) {
      const before = new Map(parts.map((name) => [name, pidOf(root, name)!]));
      process.kill(before.get(part)!, "SIGKILL");
      await eventually("its successor", () => ![null, before.get(part)].includes(pidOf(root, part)), {
        withinMs: 30_000,
      });
      expect(plane.output).toContain(`${part} ended`);
      const others = parts.filter((name) => name !== part);
      expect(others.map((name) => pidOf(root, name))).toEqual(others.map((name) => before.get(name)));
    }
    const { sessionId } = await eventually("the plane to answer", () => client.createSession({}), { withinMs: 30_000 });
    const { commandSeq } = await client.prompt(sessionId, "[script:text] still there?");
    expect(await client.outcome(sessionId, commandSeq, startMs)).toBe("succeeded");
  });

  it("stopped twice in a row leaves no process either, not even a runtime in the middle of a turn", async () => {
    const plane = start();
    const client = await PlaneClient.signIn(await plane.signInLink(startMs));
    const { sessionId } = await client.createSession({ prompt: "[script:slow] go on" });
    await client.firstWords(sessionId, 1, startMs);
    plane.child.kill("SIGINT");
    await eventually("the promise to stop", () => plane.output.includes("Once more to force"));
    const insist = async () => {
      plane.child.kill("SIGINT");
      return plane.child.exitCode !== null;
    };
    await eventually("its end", insist, { withinMs: 10_000 });
    expect(await plane.exited).toBe(1);
    await eventually("nothing left", () => processesOf(root).length === 0);
  });

  it("can be stopped in the middle of its start", async () => {
    const plane = start();
    await eventually("its database", () => plane.output.includes("PostgreSQL"), { withinMs: startMs });
    expect(await plane.stop("SIGINT")).toBe(0);
    expect(processesOf(root)).toEqual([]);
  });

  it("uses the database of DATABASE_URL, and starts no other", async () => {
    const dataDir = mkdtempSync(join(tmpdir(), "cowork own postgres "));
    const postgres = await startEmbeddedPostgres({
      dataDir: join(dataDir, "data"),
      port: await freePort(),
      password: "superuser",
      durable: false,
    });
    try {
      const url = await createOwner(postgres.url, { database: "plane", password: "owner" });
      const plane = start({ DATABASE_URL: url });
      await PlaneClient.signIn(await plane.signInLink(startMs));
      expect(pidOf(root, "postgres")).toBeNull();
      expect(await plane.stop("SIGTERM")).toBe(0);
      expect(await refusalOf({ DATABASE_URL: url.replace(":owner@", ":wrong@") })).toContain(
        "refused the user cowork_owner",
      );
    } finally {
      for (const plane of planes) await plane.stop();
      await postgres.stop();
      rmSync(dataDir, { recursive: true, force: true });
    }
  });
});

describe("a start that can't work says so in one line with a way out", () => {
  it("when its port is busy", async () => {
    const other = createServer().listen(0, "127.0.0.1");
    await eventually("the other server", () => other.listening);
    const { port } = other.address() as AddressInfo;
    expect(await refusalOf({ OPEN_COWORK_CLOUD_PORT: String(port) })).toMatch(
      new RegExp(`port ${port} is taken.*OPEN_COWORK_CLOUD_PORT`),
    );
    other.close();
  });

  it("when DATABASE_URL reaches nobody", async () => {
    const url = `postgres://me:hush@127.0.0.1:${await freePort()}/plane`;
    const line = await refusalOf({ DATABASE_URL: url });
    expect(line).toContain("no PostgreSQL answers");
    expect(line).not.toContain("hush");
  });

  it("when its directory can't be written", async () => {
    writeFileSync(join(root, "file"), "");
    expect(await refusalOf({ OPEN_COWORK_CLOUD_ROOT: join(root, "file", "below") })).toContain(
      "OPEN_COWORK_CLOUD_ROOT",
    );
  });

  it("when its data directory is only half there", async () => {
    writeFileSync(join(root, "lock"), "");
    mkdirSync(join(root, "postgres"), { mode: 0o700 });
    writeFileSync(join(root, "postgres", "PG_VERSION"), "18\n");
    expect(await refusalOf({})).toContain("not a complete database");
  });

  it("when a setting is misspelt", async () => {
    expect(await refusalOf({ OPEN_COWORK_CLOUD_PROT: "1" }, 2)).toContain("OPEN_COWORK_CLOUD_PROT");
  });
});
