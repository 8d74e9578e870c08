import { spawn, type ChildProcess } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "@open-cowork/testkit/eventually";
import { identify, isAlive, type ProcessIdentity } from "./process-identity.ts";
import { Registry } from "./registry.ts";

let root: string;
let registry: Registry;
const children: ChildProcess[] = [];

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), "cowork registry "));
  registry = new Registry(root);
});

afterEach(() => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  rmSync(root, { recursive: true, force: true });
});

function startProcess(script = "setInterval(() => {}, 1000)"): number {
  const child = spawn(process.execPath, ["-e", script], { detached: true, stdio: "ignore" });
  children.push(child);
  return child.pid!;
}

function rewrite(name: string, change: Partial<ProcessIdentity>): void {
  const file = join(registry.directory, `${name}.json`);
  writeFileSync(file, JSON.stringify({ ...(JSON.parse(readFileSync(file, "utf8")) as object), ...change }));
}

describe("a start after a killed start", () => {
  it("ends what the killed one had started, and forgets it", async () => {
    const pid = startProcess();
    registry.record("worker", pid);
    expect(await new Registry(root).endOrphans()).toEqual(["worker"]);
    expect(identify(pid)).toBeNull();
    expect(readdirSync(registry.directory)).toEqual([]);
  });

  it("leaves a process alone that only has the same pid", async () => {
    const pid = startProcess();
    registry.record("web", pid);
    rewrite("web", { startTime: "1" });
    expect(await registry.endOrphans()).toEqual([]);
    expect(identify(pid)).not.toBeNull();
    expect(readdirSync(registry.directory)).toEqual([]);
  });

  it("leaves a process alone that was recorded before the machine was started again", async () => {
    const pid = startProcess();
    registry.record("web", pid);
    rewrite("web", { machineBootId: "another boot" });
    expect(await registry.endOrphans()).toEqual([]);
    expect(identify(pid)).not.toBeNull();
  });

  it("takes a torn entry for no evidence at all", async () => {
    writeFileSync(join(registry.directory, "web.json"), `{"pid": ${process.pid}, "startT`);
    writeFileSync(join(registry.directory, "model.json"), JSON.stringify({ pid: process.pid, role: "model" }));
    expect(await registry.endOrphans()).toEqual([]);
  });
});

describe("a stop by force", () => {
  it("ends every part, and the runtimes that the worker can no longer end", async () => {
    const [part, runtime, stranger] = [startProcess(), startProcess(), startProcess()];
    registry.record("worker", part);
    const runtimes = join(root, "worker", "runtimes");
    mkdirSync(runtimes, { recursive: true });
    const write = (name: string, { pid, startTime, machineBootId }: ProcessIdentity) =>
      writeFileSync(join(runtimes, name), JSON.stringify({ pid, processStartTime: startTime, bootId: machineBootId }));
    write("one.json", identify(runtime)!);
    write("two.json", { ...identify(stranger)!, startTime: "1" });
    writeFileSync(join(runtimes, "torn.json"), '{"pid": 1');
    registry.killAll();
    await eventually("their end", () => identify(part) === null && identify(runtime) === null);
    expect(identify(stranger)).not.toBeNull();
  });
});

describe("a process", () => {
  it("is gone once it has ended, whether or not its parent has looked yet", async () => {
    const recorded = identify(startProcess())!;
    expect(isAlive(recorded)).toBe(true);
    process.kill(recorded.pid, "SIGKILL");
    await eventually("its end", () => !isAlive(recorded));
  });

  it("is forgotten only by whoever it was recorded for", () => {
    const [first, second] = [startProcess(), startProcess()];
    registry.record("web", second);
    registry.forget("web", first);
    expect(readdirSync(registry.directory)).toEqual(["web.json"]);
    registry.forget("web", second);
    expect(readdirSync(registry.directory)).toEqual([]);
  });
});
