import { spawn, type ChildProcess } from "node:child_process";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { eventually } from "@open-cowork/testkit/eventually";
import { endProcessGroup } from "./process-group.ts";
import { groupMembers } from "./process-identity.ts";
import { openRegistry, type RuntimeRegistry } from "./registry.ts";

let root: string;
let registry: RuntimeRegistry;
const children: ChildProcess[] = [];

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cowork-registry-"));
  registry = openRegistry(root, "boot-1");
});
afterEach(async () => {
  for (const child of children.splice(0)) await endProcessGroup(child.pid!);
  await rm(root, { recursive: true, force: true });
});

/** A process that leads its own group and has a child in it; both ignore TERM when told so. */
async function group(stubborn = false): Promise<number> {
  const trap = stubborn ? "trap '' TERM;" : "";
  const child = spawn("/bin/sh", ["-c", `${trap} sleep 300 & ${trap} wait`], { detached: true, stdio: "ignore" });
  children.push(child);
  await eventually("both run", async () => (await groupMembers(child.pid!)).length === 2);
  return child.pid!;
}
const recordOf = (session: string) => join(root, "runtimes", `${session}.json`);
async function change(session: string, with_: Record<string, unknown>): Promise<void> {
  const record = JSON.parse(await readFile(recordOf(session), "utf8")) as object;
  await writeFile(recordOf(session), JSON.stringify({ ...record, ...with_ }));
}

describe("a worker that starts after one that was killed", () => {
  it("ends the recorded process with its whole group, and forgets it", async () => {
    const pid = await group();
    await registry.add("s-1", pid);
    expect(await openRegistry(root, "boot-2").endOrphans()).toEqual(["s-1"]);
    expect(await groupMembers(pid)).toEqual([]);
    expect(await readdir(join(root, "runtimes"))).toEqual([]);
  });

  it.each([
    ["the pid was given to another process since", { processStartTime: "1" }],
    ["the machine was booted since", { bootId: "another boot" }],
    ["the record is not one of ours", { pgid: "everything" }],
  ])("touches nothing when %s", async (_why, difference) => {
    const pid = await group();
    await registry.add("s-1", pid);
    await change("s-1", difference);
    expect(await openRegistry(root, "boot-2").endOrphans()).toEqual([]);
    expect(await groupMembers(pid)).toHaveLength(2);
  });

  it.runIf(process.platform === "linux").each([
    ["ends what is left of a group whose first process has died", "sessions", 0],
    ["touches no such group of somebody else's", "elsewhere", 1],
  ])("%s", async (_what, folder, left) => {
    const home = join(root, folder, "s-1", "home");
    const script = "read -r go; sleep 300 >/dev/null & exit 0";
    const child = spawn("/bin/sh", ["-c", script], {
      detached: true,
      stdio: ["pipe", "ignore", "ignore"],
      env: { HOME: home, PATH: process.env["PATH"] },
    });
    children.push(child);
    await registry.add("s-1", child.pid!);
    child.stdin.end("\n");
    await eventually("its leader has died", () => child.exitCode !== null);
    expect(await groupMembers(child.pid!)).toHaveLength(1);
    await openRegistry(root, "boot-2").endOrphans();
    expect(await groupMembers(child.pid!)).toHaveLength(left);
  });

  it("finds nothing to do on a torn record, or on none", async () => {
    expect(await registry.endOrphans()).toEqual([]);
    await registry.add("s-1", await group());
    await writeFile(recordOf("s-1"), `{"pid":`);
    expect(await registry.endOrphans()).toEqual([]);
  });
});

describe("ending a process group", () => {
  it("ends what ignores TERM by KILL, and returns only when nobody is left", async () => {
    const pid = await group(true);
    await endProcessGroup(pid);
    expect(await groupMembers(pid)).toEqual([]);
  });

  it("is content with a group that is gone already", async () => {
    const pid = await group();
    await endProcessGroup(pid);
    await endProcessGroup(pid);
    expect(await groupMembers(pid)).toEqual([]);
  });
});
