import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { newId } from "@open-cowork/contracts/ids";
import { eventually } from "@open-cowork/testkit/eventually";
import { ask, createAgentWorld } from "../testing/agent-world.ts";
import { openRegistry } from "../runtime/registry.ts";
import { openCgroups } from "./cgroup.ts";
import { behindGate, letGo } from "./gate.ts";
import type { Allowance, Limits, RuntimeGroup } from "./limits.ts";
import { watchdog } from "./watchdog.ts";

const allowance: Allowance = { memoryBytes: 256 * 2 ** 20, tasks: 64 };
const cgroups = await openCgroups(allowance);
const whyNot = typeof cgroups === "string" ? cgroups : null;
const kinds = [watchdog(allowance), ...(typeof cgroups === "string" ? [] : [cgroups])];

const children: ChildProcess[] = [];
const groups: RuntimeGroup[] = [];
let root: string;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cowork-limits-"))));
afterEach(async () => {
  for (const child of children.splice(0)) child.kill("SIGKILL");
  for (const group of groups.splice(0)) await group.close();
});
afterAll(() => rm(root, { recursive: true, force: true }));

function start(command: string[]): ChildProcess {
  const [first, ...rest] = behindGate(command);
  const child = spawn(first!, rest, { detached: true, stdio: ["pipe", "pipe", "inherit"] });
  children.push(child);
  return child;
}
async function startIn(limits: Limits, command: string[]): Promise<{ child: ChildProcess; group: RuntimeGroup }> {
  const group = await limits.open(newId());
  groups.push(group);
  const child = start(command);
  await group.enter(child.pid!);
  letGo(child);
  return { child, group };
}
const ended = (child: ChildProcess) =>
  eventually("it has ended", () => child.exitCode !== null || child.signalCode !== null, { withinMs: 30_000 });
const isThere = (pid: number) => existsSync(`/proc/${pid}/exe`);
/** Takes memory that is really used, a piece at a time. */
const greedy = [process.execPath, "-e", "const all = []; setInterval(() => all.push(Buffer.alloc(2 ** 24, 1)), 20)"];

describe("a command behind the gate", () => {
  it("runs when it is let go, as the process that waited", async () => {
    const child = start(["/bin/sh", "-c", "echo $$"]);
    let said = "";
    child.stdout!.setEncoding("utf8").on("data", (text: string) => (said += text));
    expect(said).toBe("");
    letGo(child);
    await ended(child);
    expect(Number(said)).toBe(child.pid);
  });

  it("never runs when whoever would let it go is gone", async () => {
    const mark = join(root, "ran");
    const child = start(["/bin/touch", mark]);
    child.stdin!.end();
    await ended(child);
    expect([child.exitCode, existsSync(mark)]).toEqual([1, false]);
  });
});

describe.each(kinds.map((limits) => [limits.kind, limits] as const))("limits by %s", (_kind, limits) => {
  it("end what takes more memory than it may have, and say so", async () => {
    const { child, group } = await startIn(limits, greedy);
    await ended(child);
    expect(child.signalCode).toBe("SIGKILL");
    expect(group.verdict()).toBe("it took more memory than the 256 MB it may have");
  });

  it("leave in peace what keeps to them", async () => {
    const { child, group } = await startIn(limits, [process.execPath, "-e", "Buffer.alloc(2 ** 25, 1)"]);
    await ended(child);
    expect([child.exitCode, group.verdict()]).toEqual([0, null]);
  });
});

describe("a control group", () => {
  beforeEach((context) => {
    if (whyNot !== null) context.skip(whyNot);
  });
  const limits = cgroups as Limits;
  /** A process of another session and group, whose parent is gone. */
  const escape = ["/bin/sh", "-c", "setsid sleep 300 </dev/null >/dev/null 2>&1 & echo $!; exit 0"];
  const escaped = async (child: ChildProcess) => {
    const text = await new Promise<string>((resolve) => child.stdout!.once("data", (data) => resolve(String(data))));
    await ended(child);
    return Number(text);
  };

  it("lets nothing get away: not even what left its process group and lost its parent", async () => {
    const { child, group } = await startIn(limits, escape);
    const pid = await escaped(child);
    expect(isThere(pid)).toBe(true);
    await group.close();
    expect(isThere(pid)).toBe(false);
    expect(group.folders.filter((folder) => existsSync(folder))).toEqual([]);
  });

  it("tells the next worker what is left of a runtime whose first process has died", async () => {
    const group = await limits.open(newId());
    groups.push(group);
    const child = start(escape);
    await openRegistry(root, "boot-1").add("s-1", child.pid!, group.folders);
    await group.enter(child.pid!);
    letGo(child);
    const pid = await escaped(child);
    await openRegistry(root, "boot-2").endOrphans();
    expect(isThere(pid)).toBe(false);
    expect(group.folders.filter((folder) => existsSync(folder))).toEqual([]);
  });

  it("gives no more processes than its session may have", async () => {
    const forks = "for i in $(seq 100); do sleep 30 & done 2>&1; wait";
    const { child } = await startIn(limits, ["/bin/bash", "-c", forks]);
    const said = await new Promise<string>((resolve) => child.stdout!.once("data", (data) => resolve(String(data))));
    expect(said).toContain("fork");
  });
});

describe("a turn whose runtime takes more memory than a session may have", () => {
  it("fails of exactly that", async () => {
    const generous: Allowance = { memoryBytes: 4 * 2 ** 30, tasks: 4_096 };
    const world = await createAgentWorld({}, "auto", { limits: watchdog(generous) });
    try {
      const { runtime } = await world.start();
      const { end } = await ask(runtime, "[script:slow]", {
        onEvents: () => void (generous.memoryBytes = 64 * 2 ** 20),
      });
      expect(end).toMatchObject({ kind: "failed", reason: "runtime_out_of_memory" });
      await runtime.end();
    } finally {
      await world.close();
    }
  });
});
