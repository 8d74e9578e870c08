import { spawn, type ChildProcess } from "node:child_process";
import { fileURLToPath } from "node:url";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, describe, expect, it } from "vitest";
import { leavesOf } from "@open-cowork/contracts/config/setting";
import { webConfig } from "@open-cowork/contracts/config/services";
import { eventually } from "@open-cowork/testkit/eventually";
import { freePort } from "@open-cowork/testkit/free-port";

const main = fileURLToPath(new URL("./testing/sample-service.ts", import.meta.url));

interface Running {
  child: ChildProcess;
  out: () => string;
  err: () => string;
  exit: Promise<number | null>;
}

const children: ChildProcess[] = [];
afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
});

async function run(env: Record<string, string>, args: string[] = []): Promise<Running> {
  const child = spawn(process.execPath, [main, ...args], {
    env: {
      PATH: process.env["PATH"],
      OPEN_COWORK_CLOUD_DATABASE_URL: "postgres://cowork_web:hunter2@127.0.0.1/cowork",
      OPEN_COWORK_CLOUD_OPS_PORT: String(await freePort()),
      ...env,
    },
  });
  children.push(child);
  let out = "";
  let err = "";
  child.stdout.on("data", (chunk: Buffer) => (out += chunk.toString()));
  child.stderr.on("data", (chunk: Buffer) => (err += chunk.toString()));
  const exit = once(child, "close").then(([code]) => code as number | null);
  return { child, out: () => out, err: () => err, exit };
}

async function runUntil(text: string, env: Record<string, string>): Promise<Running> {
  const running = await run(env);
  await eventually(`the log says ${text}`, () => running.out().includes(`"msg":"${text}"`));
  return running;
}

describe("a service process", () => {
  it("explains every setting of its own with --help and exits 0", async () => {
    const help = await run({}, ["--help"]);
    expect(await help.exit).toBe(0);
    for (const leaf of leavesOf(webConfig)) {
      expect(help.out()).toContain(leaf.env);
      expect(help.out()).toContain(leaf.meta.help);
    }
    expect(help.out()).toContain("OPEN_COWORK_CLOUD_PORT=4810");
  });

  it("tells its version with --version and exits 0", async () => {
    const version = await run({}, ["--version"]);
    expect(await version.exit).toBe(0);
    expect(version.out()).toMatch(/^cowork-web \d+\.\d+\.\d+/);
  });

  it("names each mistake in its settings on a line of its own and exits 2", async () => {
    const wrong = await run({
      OPEN_COWORK_CLOUD_PORT: "eighty",
      OPEN_COWORK_CLOUD_COLOUR: "red",
      OPEN_COWORK_CLOUD_DATABASE_URL: "",
    });
    expect(await wrong.exit).toBe(2);
    const lines = wrong.err().trimEnd().split("\n");
    expect(lines.every((line) => line.startsWith("cowork-web: "))).toBe(true);
    expect(lines.map((line) => line.replace("cowork-web: ", "").split(/[ :]/)[0])).toEqual([
      "OPEN_COWORK_CLOUD_PORT",
      "OPEN_COWORK_CLOUD_COLOUR",
      "OPEN_COWORK_CLOUD_DATABASE_URL",
    ]);
  });

  it("refuses a flag it does not know and exits 2", async () => {
    const wrong = await run({}, ["--colour", "red"]);
    expect(await wrong.exit).toBe(2);
    expect(wrong.err()).toMatch(/^cowork-web: .*--colour.*--help/);
  });

  it("prints why its start was refused, line by line, and exits 3", async () => {
    const refused = await run({ SAMPLE: "refuses" });
    expect(await refused.exit).toBe(3);
    expect(refused.err()).toBe("cowork-web: the sky is missing\ncowork-web: put one up\n");
  });

  it("refuses to start when the operator's port is taken, and names the setting to change", async () => {
    const taken = createServer().listen(0, "127.0.0.1");
    await once(taken, "listening");
    const refused = await run({ OPEN_COWORK_CLOUD_OPS_PORT: String((taken.address() as AddressInfo).port) });
    expect(await refused.exit).toBe(3);
    expect(refused.err()).toContain("OPEN_COWORK_CLOUD_OPS_PORT");
    taken.close();
  });

  it("exits 1 when its start breaks, without a secret in what it prints", async () => {
    const broken = await run({ SAMPLE: "breaks" });
    expect(await broken.exit).toBe(1);
    expect(broken.err()).toContain("cannot reach postgres://cowork:[secret]@127.0.0.1/x");
    expect(broken.out()).toContain('"level":"fatal"');
    expect(broken.out() + broken.err()).not.toContain("hunter2");
  });

  it.each([
    ["rejects later", "unhandled rejection"],
    ["throws later", "uncaught exception"],
  ])("that %s logs it as fatal and exits 1", async (sample, message) => {
    const broken = await run({ SAMPLE: sample });
    expect(await broken.exit).toBe(1);
    expect(broken.out()).toContain(`"msg":"${message}"`);
    expect(broken.out()).toContain("nobody");
  });

  it.each(["SIGTERM", "SIGINT"] as const)("drains on %s and exits 0", async (signal) => {
    const running = await runUntil("started", { SAMPLE: "stops slowly" });
    running.child.kill(signal);
    expect(await running.exit).toBe(0);
    expect(running.out()).toContain("stopped in good order");
  });

  it("leaves a start that is interrupted, and exits 0", async () => {
    const port = String(await freePort());
    const running = await run({ SAMPLE: "never starts", OPEN_COWORK_CLOUD_OPS_PORT: port });
    await eventually("it is on its way", () =>
      fetch(`http://127.0.0.1:${port}/livez`).then(
        (r) => r.ok,
        () => false,
      ),
    );
    running.child.kill("SIGTERM");
    expect(await running.exit).toBe(0);
    expect(running.out()).toContain("stopped before it had started");
  });

  it("exits 1 when it did not drain within the grace period", async () => {
    const running = await runUntil("started", { SAMPLE: "never stops", OPEN_COWORK_CLOUD_SHUTDOWN_GRACE_MS: "100" });
    running.child.kill("SIGTERM");
    expect(await running.exit).toBe(1);
    expect(running.err()).toContain("did not answer within 100 ms");
  });

  it("exits 1 at once on a second signal", async () => {
    const running = await runUntil("started", { SAMPLE: "never stops" });
    running.child.kill("SIGTERM");
    await eventually("it is stopping", () => running.out().includes('"msg":"stopping"'));
    running.child.kill("SIGINT");
    expect(await running.exit).toBe(1);
    expect(running.out()).toContain("second signal");
  });
});
