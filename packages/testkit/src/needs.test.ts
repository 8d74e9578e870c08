import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { needs } from "./needs.ts";

// Also where the suite itself runs with skips forbidden.
beforeEach(() => void vi.stubEnv("TEST_FORBID_SKIPS", undefined));
afterEach(() => vi.unstubAllEnvs());

describe("what a machine lacks", () => {
  it("is a reason to skip, in words", () => {
    vi.stubEnv("PATH", "/nowhere");
    expect(needs("promtool")).toEqual({ have: false, reason: "promtool is not installed" });
  });

  it("is an error where skips are forbidden", () => {
    vi.stubEnv("PATH", "/nowhere");
    vi.stubEnv("TEST_FORBID_SKIPS", "1");
    expect(() => needs("promtool")).toThrow("promtool is not installed, and TEST_FORBID_SKIPS=1 forbids");
  });
});

describe("what a machine has", () => {
  it("comes with the path of the program", async () => {
    const directory = await mkdtemp(join(tmpdir(), "needs-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "strace"), "#!/bin/sh\n", { mode: 0o755 });
    vi.stubEnv("PATH", `/nowhere:${directory}`);
    expect(needs("strace")).toEqual({ have: true, path: join(directory, "strace") });
  });

  it("does not count when its program is there but can't work", async () => {
    const directory = await mkdtemp(join(tmpdir(), "needs-"));
    onTestFinished(() => rm(directory, { recursive: true }));
    await writeFile(join(directory, "docker"), "#!/bin/sh\nexit 1\n", { mode: 0o755 });
    vi.stubEnv("PATH", directory);
    expect(needs("docker")).toEqual({ have: false, reason: "no docker engine answers" });
  });
});
