import { spawnSync } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { needs } from "@open-cowork/testkit/needs";
import { chooseSandbox } from "./choose-sandbox.ts";

let root: string;
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cowork-choose-"));
});
afterAll(async () => {
  await rm(root, { recursive: true, force: true });
});

const choose = (wish: "auto" | "bubblewrap" | "none", tier: "development" | "production") =>
  chooseSandbox({ wish, tier, workerRoot: root, firstUid: 200_000, files: { config: {}, toolMounts: {} } });

describe("a machine without bubblewrap", () => {
  beforeAll(() => {
    vi.stubEnv("PATH", root);
  });
  afterAll(() => void vi.unstubAllEnvs());

  it("runs agents without confinement in development, and says so with the package to install", async () => {
    const chosen = await choose("auto", "development");
    expect(chosen).toMatchObject({ sandbox: { kind: "none" } });
    expect("warning" in chosen && chosen.warning).toMatch(/^sandbox none: .*apt-get install bubblewrap\)$/);
  });

  it.each([
    ["auto", "production"],
    ["bubblewrap", "production"],
    ["bubblewrap", "development"],
  ] as const)("refuses %s in %s, in one line with the package to install", async (wish, tier) => {
    const chosen = await choose(wish, tier);
    expect(chosen).toEqual({
      refused: "agents can't be confined: bubblewrap is not installed: apt-get install bubblewrap",
    });
  });

  it("refuses none in production, whatever is installed", async () => {
    expect(await choose("none", "production")).toEqual({
      refused: expect.stringContaining("tier production refuses sandbox none") as string,
    });
  });
});

describe("a machine that forbids user namespaces", () => {
  it("is told from one that lacks bubblewrap, with what to allow", (context) => {
    const bubblewrap = needs("bubblewrap");
    if (!bubblewrap.have) return context.skip(bubblewrap.reason);
    const holder = fileURLToPath(new URL("../testing/sandbox-holder.ts", import.meta.url));
    // A user namespace that allows no further ones, and in it an ordinary user.
    const script = `echo 0 > /proc/sys/user/max_user_namespaces; exec /usr/bin/setpriv --inh-caps=-all --ambient-caps=-all --bounding-set=-all "$@"`;
    const own = ["/usr/bin/unshare", "--user", "--map-user=65534", "--keep-caps", "/bin/sh", "-c", script, "sh"];
    const asUser = [process.execPath, holder, root, "true"];
    const { stderr } = spawnSync(own[0]!, [...own.slice(1), ...asUser], { encoding: "utf8" });
    expect(stderr).toContain("agents can't be confined");
    expect(stderr).toMatch(/this machine allows no user namespaces .*seccomp=unconfined/);
  });
});
