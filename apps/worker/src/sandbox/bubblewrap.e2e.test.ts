import { spawn, spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { chown, lstat, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { eventually } from "@open-cowork/testkit/eventually";
import { needs } from "@open-cowork/testkit/needs";
import { familyOf, processesWith } from "../testing/processes.ts";
import { asTool, runShell, startShell } from "../testing/shell-program.ts";
import { chooseSandbox } from "./choose-sandbox.ts";
import type { Sandbox } from "./sandbox.ts";
import { openSessionFolders } from "./session-folders.ts";

const bubblewrap = needs("bubblewrap");
let root: string;
let sandbox: Sandbox;

beforeAll(async () => {
  if (!bubblewrap.have) return;
  root = await realpath(await mkdtemp(join(tmpdir(), "cowork sandbox ")));
  const options = { wish: "bubblewrap", tier: "production", workerRoot: root, firstUid: 200_000 } as const;
  const chosen = await chooseSandbox({ ...options, files: { config: {}, toolMounts: {} } });
  if ("refused" in chosen) throw new Error(chosen.refused);
  ({ sandbox } = chosen);
});
beforeEach((context) => {
  if (!bubblewrap.have) context.skip(bubblewrap.reason);
});
afterAll(async () => {
  if (root) await rm(root, { recursive: true, force: true });
});

const holderPath = fileURLToPath(new URL("../testing/sandbox-holder.ts", import.meta.url));
const run = async (script: string, more: Parameters<typeof startShell>[3] = {}) =>
  (await runShell(sandbox, root, script, more)).said;
/** A word that only this test's processes have in their command line. */
const marker = () => `3${Math.floor(Math.random() * 1e8)}`;

describe("what a tool in the inner sandbox", () => {
  it("finds in its environment, and in that of every process it sees, is nothing of the engine's", async () => {
    const secret = newId();
    const look = asTool(
      "env; echo --; cat /proc/[0-9]*/environ | tr '\\0' '\\n'; echo --; ls /proc | grep -c '^[0-9]'",
    );
    const said = await run(look, { env: { OPENCODE_SERVER_PASSWORD: secret } });
    expect(said).toContain("HOME=/home/agent");
    expect(said).not.toContain(secret);
    expect(said).not.toContain("OPENCODE");
    expect(await run(`echo $P`, { env: { P: secret } }), "the engine itself has it").toContain(secret);
  });

  it("sees of the files is its workspace, the host's programs, and no more", async () => {
    const other = newId();
    await runShell(sandbox, root, "echo theirs > /workspace/secret.txt", {
      folders: await openSessionFolders(join(root, "sessions", other)),
    });
    const attempts = [
      "/etc/shadow",
      "/etc/hostname",
      `${root}/sessions/${other}/workspace/secret.txt`,
      "/session",
      "/sandbox",
    ];
    const said = await run(
      asTool(
        `for f in ${attempts.map((path) => `"${path}"`).join(" ")}; do [ -e "$f" ] && echo "sees $f"; done; ls /; ls /home /root /var 2>&1; ls /proc/1/root; echo "open:" $(ls /proc/self/fd)`,
      ),
    );
    expect(said).not.toContain("sees");
    expect(said).not.toContain("theirs");
    expect(said.split("\n").slice(0, 11)).toEqual(
      expect.arrayContaining(["bin", "dev", "etc", "home", "lib", "proc", "tmp", "usr", "workspace"]),
    );
    expect(said).toContain("open: 0 1 2 3\n");
    expect(said).not.toMatch(/session|\bsandbox\b/);
  });

  it("reaches over the network is nothing: no device, no route, no name, no port of the engine's", async () => {
    const script = `
      tail -n +3 /proc/net/dev | grep -v lo:; tail -n +2 /proc/net/route; tail -n +2 /proc/net/tcp; tail -n +2 /proc/net/unix
      for p in 4096 4097 5432; do { exec 3<>/dev/tcp/127.0.0.1/$p; } 2>/dev/null && echo "open $p"; done
      { exec 3<>/dev/tcp/1.1.1.1/443; } 2>&1 | grep -o "Network is unreachable" | head -1
      getent hosts example.com || echo "no such name"; true`;
    // The engine listens, and its own loopback has the model's port as well.
    const engine = `/usr/bin/python3 -m http.server 4096 --bind 127.0.0.1 >/dev/null 2>&1 & /bin/sleep 1; ${asTool(script)}`;
    expect((await run(engine)).trim().split("\n")).toEqual(["Network is unreachable", "no such name"]);
  });

  it("may build of namespaces, or gain of privileges, is none", async () => {
    const said = await run(
      asTool(`unshare --user true 2>&1; unshare --mount true 2>&1; mount -t tmpfs none /tmp 2>&1; bwrap --ro-bind / / true 2>&1
        grep -E "Cap(Eff|Bnd|Prm)|NoNewPrivs" /proc/self/status; id -u; dmesg 2>&1 | head -1; touch /usr/x /etc/x /x 2>&1`),
    );
    expect(said).not.toMatch(/Cap\w+:\s+0*[1-9a-f]/);
    expect(said).toMatch(/NoNewPrivs:\s+1/);
    expect(said.match(/unshare failed/g)).toHaveLength(2);
    expect(said).toMatch(/\n1000\n/);
    expect(said.match(/Read-only file system/g)).toHaveLength(3);
  });

  it("leaves running when it ends is nothing, whatever it did to be forgotten", async () => {
    const word = marker();
    await run(
      asTool(
        `(setsid sleep ${word} & ) ; setsid nohup sh -c "sleep ${word} & sleep ${word}" >/dev/null 2>&1 & sleep 0.2; true`,
      ) + "; /bin/sleep 0.2; echo",
    );
    expect(await processesWith(word)).toEqual([]);
  });

  it("gets through to whoever called it is its exit code, its words, its input and its folder", async () => {
    const said = await run(
      `/bin/mkdir -p /workspace/a/b; cd /workspace/a/b; ${asTool("pwd; cat; echo bad >&2; exit 7")} <<X\nhello\nX\necho "code $?"; ${asTool("kill -TERM $$")}; echo "code $?"`,
    );
    expect(said.split("\n")).toEqual(["/workspace/a/b", "hello", "code 7", "code 143", "bad", ""]);
  });

  it("keeps in its home and in /tmp is there for the next one", async () => {
    expect(await run(`${asTool("echo 1 > ~/kept; echo 2 > /tmp/kept")}; ${asTool("cat ~/kept /tmp/kept")}`)).toBe(
      "1\n2\n",
    );
  });

  it("is killed with all that it started when its caller kills it, or just ends", async () => {
    const word = marker();
    const tool = asTool(`setsid sleep ${word} & sleep ${word}`);
    const said = await run(
      `${tool} & /bin/sleep 0.5; /bin/kill $!; /bin/sleep 0.3; echo "left: $(/bin/ls /proc | /bin/grep -c '^[0-9]')"`,
    );
    expect(await processesWith(word)).toEqual([]);
    expect(said).toContain("left:");
  });
});

describe("what the engine in the outer sandbox", () => {
  it("is led to by a link that the agent made is nothing, neither to read nor to write", async () => {
    const attack = asTool(
      "ln -s /session/state/engine.db a; ln -s /proc/self/environ b; ln -s /session c; ln -s a d; ln -s ../sandbox e",
    );
    const said = await run(
      `echo truth > /session/state/engine.db; ${attack}
      for l in a b d c/state/engine.db e/launch.sh; do read -r x < /workspace/$l && echo "read $l"; (echo forged > /workspace/$l) 2>/dev/null && echo "wrote $l"; done
      /bin/cat /session/state/engine.db`,
      { env: { SECRET: "1" } },
    );
    expect(said.split("\n").filter((line) => /^(read|wrote|truth|forged)/.test(line))).toEqual(["truth"]);
  });

  it("is made to run by the agent is nothing: files of the workspace don't execute there", async () => {
    const said = await run(
      `${asTool("printf '#!/bin/sh\\necho ran\\n' > x; chmod +x x; ./x; git --version >/dev/null && echo git")}; /workspace/x`,
    );
    expect(said).toContain("ran\ngit\n");
    expect(said).toContain("Permission denied");
  });

  it("runs as git can't be told by a repository to do what the engine could", async () => {
    const hostile = asTool(
      `git init -q . && git config core.fsmonitor "sh -c 'env >/workspace/out; ls /session/state >>/workspace/out; touch /session/state/pwned'; true" && git config alias.x "!true"`,
    );
    const said = await run(
      `${hostile}; /sandbox/bin/git status >/dev/null 2>&1; /bin/cat /workspace/out; [ -e /session/state/pwned ] && echo pwned`,
      { env: { OPENCODE_SERVER_PASSWORD: "s3cret" } },
    );
    expect(said, "it did run").toContain("HOME=/nonexistent");
    expect(said).not.toMatch(/s3cret|OPENCODE|pwned$/);
  });

  it("is on the host is a stranger without a name, and each of two sessions another one", async (context) => {
    const asRoot = needs("root");
    if (!asRoot.have) return context.skip(asRoot.reason);
    const both = await Promise.all([1, 2].map(() => startShell(sandbox, root, "/bin/sleep 60")));
    const uids = await Promise.all(both.map(async ({ folders }) => (await lstat(folders.workspace)).uid));
    for (const [n, { pid }] of both.entries()) {
      const status = await eventually("it has become who it is", async () => {
        const lines = await readFile(`/proc/${pid}/status`, "utf8");
        return lines.startsWith("Name:\tbwrap") && lines;
      });
      expect(status).toContain(`Uid:\t${uids[n]}\t${uids[n]}\t${uids[n]}\t${uids[n]}`);
    }
    expect(uids[0]).not.toBe(uids[1]);
    expect(Math.min(...uids)).toBeGreaterThanOrEqual(200_000);
    for (const { child, pid, release } of both) {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      process.kill(-pid, "SIGKILL");
      await exited;
      await release();
    }
  });
});

describe("a session's files", () => {
  it("change hands without touching what a link leads to", async (context) => {
    const asRoot = needs("root");
    if (!asRoot.have) return context.skip(asRoot.reason);
    const outside = join(root, "outside.txt");
    await writeFile(outside, "the worker's");
    const { folders, child, release } = await startShell(sandbox, root, "true");
    await new Promise((resolve) => child.once("exit", resolve));
    await release();
    await symlink(outside, join(folders.workspace, "link"));
    // As a session is that comes from another worker: it belongs to nobody of this one.
    await chown(folders.workspace, 0, 0);
    await runShell(sandbox, root, "true", { folders });
    expect((await lstat(outside)).uid).toBe(0);
    expect((await lstat(join(folders.workspace, "link"))).uid).toBeGreaterThanOrEqual(200_000);
  });
});

describe("the end of a sandbox", () => {
  const busy = (word: string) =>
    `/bin/sleep ${word} & /usr/bin/setsid /bin/sleep ${word} & ${asTool(`setsid sleep ${word} & sleep ${word}`)} & ${asTool(`sleep ${word}`)} & wait`;
  const isBusy = (word: string) =>
    eventually("all of it runs", async () => (await processesWith(`sleep\0${word}`)).length === 5);

  it("comes with the SIGKILL of any process that holds it, and leaves none of them", async () => {
    const roles = ["the one that the worker started", "the first one inside", "the engine", "the shim"];
    for (const [n, role] of roles.entries()) {
      const word = marker();
      const { pid, child, release } = await startShell(sandbox, root, busy(word));
      await isBusy(word);
      const family = await eventually("the shim runs", async () => {
        const members = await familyOf(pid);
        return members.some(({ name }) => name.startsWith("node") || name === "MainThread") && members;
      });
      const shim = family.find(({ name }) => name.startsWith("node") || name === "MainThread")!;
      const victim = [family[0], family[1], family[2], shim][n]!;
      process.kill(victim.pid, "SIGKILL");
      await eventually(
        `nothing is left after the end of ${role}`,
        async () => (await processesWith(word)).length === 0,
      );
      if (child.exitCode === null && child.signalCode === null)
        await new Promise((resolve) => child.once("exit", resolve));
      await release();
    }
  });

  it("comes with the SIGKILL of the worker", async () => {
    const word = marker();
    const own = join(root, "killed");
    await mkdir(own);
    const holder = spawn(process.execPath, [holderPath, own, busy(word)], {
      stdio: ["ignore", "ignore", "inherit"],
    });
    await isBusy(word);
    holder.kill("SIGKILL");
    await eventually("nothing is left", async () => (await processesWith(word)).length === 0);
  });

  it("comes with the SIGKILL of the worker also while the sandbox is being started", async () => {
    const word = marker();
    const own = join(root, "killed-early");
    await mkdir(own);
    for (let n = 0; n < 8; n++) {
      const holder = spawn(process.execPath, [holderPath, own, `/bin/sleep ${word}`], { stdio: "ignore" });
      const exited = new Promise((resolve) => holder.once("exit", resolve));
      // The first that has the word beside the holder itself is a stage of the start; then a little further each time.
      await eventually("it starts", async () => (await processesWith(word)).length > 1, { withinMs: 20_000 });
      await new Promise((resolve) => setTimeout(resolve, n * 15));
      holder.kill("SIGKILL");
      await exited;
    }
    await eventually("nothing is left", async () => (await processesWith(word)).length === 0, { withinMs: 20_000 });
  });

  it("leaves no socket and no process, twenty times over", async () => {
    for (let n = 0; n < 20; n++) {
      const { said } = await runShell(sandbox, root, asTool("echo done"));
      expect(said).toBe("done\n");
    }
    expect(await processesWith(root)).toEqual([]);
    for (const session of await readdir(join(root, "sessions")))
      expect(existsSync(join(root, "sessions", session, "run"))).toBe(false);
  });
});

describe("a worker that is not root", () => {
  it("holds the same sandbox, and passes the same probe", async (context) => {
    const asRoot = process.getuid?.() === 0;
    const asNobody = ["/usr/bin/setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups", "--"];
    const may =
      !asRoot || spawnSync(asNobody[0]!, [...asNobody.slice(1), process.execPath, "--check", holderPath]).status === 0;
    if (!may) return context.skip("this clone can't be read by anybody but root");
    const own = await mkdtemp(join(tmpdir(), "cowork-nobody-"));
    if (asRoot) await chown(own, 65_534, 65_534);
    const script = `/usr/bin/id -u; ${asTool("id -u; ls /session; unshare --user true")}`;
    const [command, ...args] = [...(asRoot ? asNobody : []), process.execPath, holderPath, own, script];
    const child = spawn(command, args, { stdio: ["ignore", "pipe", "pipe"] });
    const [said, complained] = await Promise.all([text(child.stdout), text(child.stderr)]);
    await rm(own, { recursive: true, force: true });
    expect(said, complained).toMatch(/^\d+\n1000\n1000\n$/);
    expect(complained).toMatch(/unshare failed/);
  });
});
