import { spawn } from "node:child_process";
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, describe, expect, inject, it, onTestFinished, vi } from "vitest";
import { eventually } from "../eventually.ts";
import { suitePostgres } from "./for-suites.ts";
import { findPostmaster } from "./postmaster.ts";

afterEach(() => vi.unstubAllEnvs());

describe("the PostgreSQL for suites", () => {
  it("is handed to every suite by its URL", () => {
    expect(inject("postgresAdminUrl")).toMatch(/^postgres(ql)?:\/\//);
  });

  it("is the one that TEST_DATABASE_URL names, which is left alone afterwards", async () => {
    vi.stubEnv("TEST_DATABASE_URL", "postgres://someone@127.0.0.1:1/elsewhere");
    const given = await suitePostgres();
    expect(given.adminUrl).toBe("postgres://someone@127.0.0.1:1/elsewhere");
    await given.release();
  });

  it("says what is wrong when containers are asked for and docker is not there", async () => {
    vi.stubEnv("TEST_DATABASE_URL", "");
    vi.stubEnv("TEST_CONTAINERS", "1");
    vi.stubEnv("PATH", "/nowhere");
    await expect(suitePostgres()).rejects.toThrow("TEST_CONTAINERS is set, but docker failed");
  });

  it("goes away with the run, and one that a killed run left behind with the next", async (context) => {
    if (process.platform !== "linux") return context.skip("orphans are only proven on Linux");
    const temporary = await mkdtemp(join(tmpdir(), "suites-of-"));
    onTestFinished(() => rm(temporary, { recursive: true, force: true }));
    vi.stubEnv("TMPDIR", temporary);
    vi.stubEnv("TEST_DATABASE_URL", "");
    vi.stubEnv("TEST_CONTAINERS", "");

    const code = `import { suitePostgres } from ${JSON.stringify(new URL("./for-suites.ts", import.meta.url).href)};
      await suitePostgres(); process.stdin.resume();`;
    const run = spawn(process.execPath, ["--input-type=module", "--eval", code], {
      stdio: ["pipe", "inherit", "inherit"],
    });
    const left = await eventually("the other run to have its PostgreSQL", async () => {
      const [home] = await readdir(temporary);
      return home === undefined ? null : findPostmaster(join(temporary, home, "data"));
    });
    run.kill("SIGKILL");
    await eventually("the other run to be gone", () => run.signalCode === "SIGKILL");

    const next = await suitePostgres();
    await eventually("the orphan to be gone", () =>
      readFile(`/proc/${left.pid}/cmdline`, "utf8").then(
        (command) => command === "",
        () => true,
      ),
    );
    await next.release();
    expect(await readdir(temporary)).toEqual([]);
  });
});
