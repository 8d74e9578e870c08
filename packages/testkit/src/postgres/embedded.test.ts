import { access, chmod, chown, mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { freePort } from "../free-port.ts";
import { needs } from "../needs.ts";
import { type RunningPostgres, startEmbeddedPostgres } from "./embedded.ts";
import { findPostmaster } from "./postmaster.ts";
import { PostgresStartError } from "./start-error.ts";

// A space in the path, because a clone may well have one.
let home: string;
const running: RunningPostgres[] = [];

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), "embedded postgres "));
  // Nobody but the owner may enter: the database must not need a second user who could.
  await chmod(home, 0o700);
});
afterEach(async () => {
  await Promise.all(running.splice(0).map((postgres) => postgres.stop()));
});
afterAll(() => rm(home, { recursive: true, force: true }));

async function start(name: string, more: { port?: number; onSpawn?: (pid: number) => void } = {}) {
  const options = { dataDir: join(home, name), port: await freePort(), password: "p w'@\"", durable: false, ...more };
  const lines: string[] = [];
  const postgres = await startEmbeddedPostgres({ ...options, log: (line) => lines.push(line) });
  running.push(postgres);
  return { ...postgres, lines };
}

async function problemOf(starting: Promise<unknown>): Promise<PostgresStartError> {
  const failure = await starting.then(
    () => null,
    (error: unknown) => error,
  );
  if (!(failure instanceof PostgresStartError)) throw new Error("it should have refused to start", { cause: failure });
  expect(failure.message).not.toContain("\n");
  return failure;
}

/** What the server answers to "do you speak TLS?": one letter, from a real postgres only. */
function handshake(port: number, host = "127.0.0.1"): Promise<string> {
  return new Promise((resolve, reject) => {
    const socket = connect(port, host, () => socket.write(Buffer.from([0, 0, 0, 8, 4, 210, 22, 47])));
    socket.once("data", (answer) => {
      socket.destroy();
      resolve(answer.toString());
    });
    socket.once("error", reject);
  });
}

describe("the embedded PostgreSQL", () => {
  it("makes its cluster, answers, stops, and starts again on the same data", async () => {
    const spawned: number[] = [];
    const first = await start("life", { onSpawn: (pid) => spawned.push(pid) });
    expect(spawned).toEqual([first.pid]);
    expect(await handshake(first.port)).toBe("N");
    expect(new URL(first.url).port).toBe(String(first.port));
    expect(await findPostmaster(first.dataDir)).toMatchObject({ pid: first.pid, port: first.port, ready: true });
    const identity = await readFile(join(first.dataDir, "global", "pg_control"));
    await first.stop();
    expect(await findPostmaster(first.dataDir)).toBeNull();

    const second = await start("life");
    expect(await handshake(second.port)).toBe("N");
    // The first eight bytes are the identity that initdb gave to the cluster.
    expect((await readFile(join(second.dataDir, "global", "pg_control"))).subarray(0, 8)).toEqual(
      identity.subarray(0, 8),
    );
  });

  it("asks for the password by SCRAM, and nowhere listens on a socket file", async () => {
    const { dataDir } = await start("life");
    const rules = (await readFile(join(dataDir, "pg_hba.conf"), "utf8")).split("\n").filter((line) => /^\w/.test(line));
    expect(rules.length).toBeGreaterThan(0);
    for (const rule of rules) expect(rule).toMatch(/scram-sha-256$/);
    const lock = (await readFile(join(dataDir, "postmaster.pid"), "utf8")).split("\n");
    expect(lock.slice(4, 6)).toEqual(["", "127.0.0.1"]);
  });

  it("leaves the password neither in its arguments nor in a file beside the data", async () => {
    const postgres = await start("secret");
    await expect(access(`${postgres.dataDir}.new-password`)).rejects.toThrow("ENOENT");
    if (process.platform === "linux") {
      expect(await readFile(`/proc/${postgres.pid}/cmdline`, "utf8")).not.toContain("p w'@");
    }
  });

  it("starts again after SIGKILL, when its lock file still names a process that may be anyone", async () => {
    const killed = await start("killed");
    process.kill(killed.pid, "SIGKILL");
    await killed.exited;
    const lockFile = join(killed.dataDir, "postmaster.pid");
    // The worst case: the pid now belongs to a stranger. That is us.
    const lock = await readFile(lockFile, "utf8");
    await writeFile(lockFile, lock.replace(/^\d+/, String(process.pid)));
    expect(await findPostmaster(killed.dataDir)).toBeNull();
    const again = await start("killed");
    expect(await handshake(again.port)).toBe("N");
  });

  it("leads its own process group, so that Ctrl-C does not reach it", async (context) => {
    if (process.platform !== "linux") return context.skip("only Linux shows the process group in /proc");
    const postgres = await start("life");
    const stat = await readFile(`/proc/${postgres.pid}/stat`, "utf8");
    const afterName = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    expect(Number(afterName[2])).toBe(postgres.pid);
  });
});

describe("what is in the way of the embedded PostgreSQL", () => {
  it("an initdb that was killed half way is cleared away", async () => {
    await mkdir(join(home, "half.new"), { recursive: true });
    await writeFile(join(home, "half.new", "PG_VERSION"), "18\n");
    await writeFile(join(home, "half.new-password"), "left behind\n");
    const postgres = await start("half");
    expect(postgres.lines.join()).toContain("half-initialised");
    expect(await handshake(postgres.port)).toBe("N");
    await expect(access(join(home, "half.new"))).rejects.toThrow("ENOENT");
    await expect(access(join(home, "half.new-password"))).rejects.toThrow("ENOENT");
  });

  it("a directory that holds something else, or half a database, is not touched", async () => {
    const dataDir = join(home, "strange");
    await mkdir(dataDir);
    await writeFile(join(dataDir, "thesis.txt"), "years of work");
    const failure = await problemOf(start("strange"));
    expect(failure.problem).toBe("half_initialised");
    expect(failure.message).toContain(dataDir);
    expect(await readFile(join(dataDir, "thesis.txt"), "utf8")).toBe("years of work");
  });

  it("data of another major version is named with both versions", async () => {
    const { dataDir, stop } = await start("older");
    await stop();
    await writeFile(join(dataDir, "PG_VERSION"), "15\n");
    const failure = await problemOf(start("older"));
    expect(failure.problem).toBe("other_version");
    expect(failure.message).toContain("PostgreSQL 15");
  });

  it("a port that someone listens on is named", async () => {
    const other = createServer();
    const port = await freePort();
    await new Promise<void>((resolve) => other.listen(port, "127.0.0.1", resolve));
    try {
      const failure = await problemOf(start("life", { port }));
      expect(failure.problem).toBe("port_busy");
      expect(failure.message).toContain(`port ${port}`);
    } finally {
      other.close();
    }
  });

  it("a PostgreSQL that already runs on the directory is named by its pid, and lives on", async () => {
    const first = await start("life");
    const failure = await problemOf(start("life"));
    expect(failure).toMatchObject({ problem: "already_running", pid: first.pid });
    expect(await handshake(first.port)).toBe("N");
  });

  it("a place where nothing can be written is named", async () => {
    // A file where a directory should be: even root can't write below it.
    await writeFile(join(home, "file"), "");
    const failure = await problemOf(start(join("file", "data")));
    expect(failure.problem).toBe("directory_unwritable");
    expect(failure.message).toContain("choose another directory");
  });

  it("data of another user is refused before PostgreSQL sees it", async (context) => {
    const root = needs("root");
    if (!root.have) return context.skip(root.reason);
    const { dataDir, stop } = await start("foreign");
    await stop();
    await chown(dataDir, 12_345, 12_345);
    const failure = await problemOf(start("foreign"));
    expect(failure.problem).toBe("wrong_owner");
    expect(failure.message).toContain("uid 12345");
    await chown(dataDir, 0, 0);
  });
});
