import { spawn } from "node:child_process";
import { cp, mkdir, mkdtemp, readFile, readdir, realpath, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startScriptedModel, type ScriptedModel } from "@open-cowork/testkit/scripted-model/server";

/** Set-ups that are really broken: a copy of this room, whose `opencode-ai` is ours to spoil. */
const room = fileURLToPath(new URL("../..", import.meta.url));
let base: string;
let model: ScriptedModel;
beforeAll(async () => {
  base = await realpath(await mkdtemp(join(tmpdir(), "cowork check ")));
  model = await startScriptedModel();
});
afterAll(async () => {
  await model?.close();
  await rm(base, { recursive: true, force: true });
});

interface Ran {
  code: number | null;
  lines: string[];
  errors: string[];
}

async function check(args: string[] = [], settings: Record<string, string> = {}, of = room): Promise<Ran> {
  const env = { PATH: process.env["PATH"] ?? "", HOME: base, OPEN_COWORK_CLOUD_ROOT: join(base, "root"), ...settings };
  const child = spawn(process.execPath, [join(of, "src", "main.ts"), "check", ...args], { env });
  let [stdout, stderr] = ["", ""];
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  const code = await new Promise<number | null>((resolve) => child.once("close", resolve));
  return { code, lines: stdout.trim().split("\n"), errors: stderr.trim().split("\n").filter(Boolean) };
}

async function spoiledRoom(name: string, spoil: (engine: string) => Promise<void>): Promise<string> {
  const copy = join(base, name, "apps", "worker");
  await cp(join(room, "src"), join(copy, "src"), { recursive: true });
  for (const file of ["package.json", "../../package.json"]) await cp(join(room, file), join(copy, file));
  const modules = join(room, "node_modules");
  for (const entry of await readdir(modules)) {
    if (entry === "opencode-ai") continue;
    await mkdir(join(copy, "node_modules"), { recursive: true });
    await symlink(join(modules, entry), join(copy, "node_modules", entry));
  }
  const engine = join(copy, "node_modules", "opencode-ai");
  await mkdir(engine);
  await cp(join(modules, "opencode-ai", "package.json"), join(engine, "package.json"));
  await spoil(engine);
  return copy;
}
const realBinary = join(room, "node_modules", "opencode-ai", "bin", "opencode.exe");

describe("cowork-worker check", () => {
  it("goes the way that work goes, says how long each step took, and leaves nothing behind", async () => {
    const { code, lines, errors } = await check();
    expect(errors).toEqual([]);
    expect(lines.map((line) => /^ok {4}(.{16}) +\d+ ms {2}/.exec(line)?.[1]!.trim())).toEqual([
      "OpenCode binary",
      "database",
      "sandbox",
      "limits",
      "model broker",
      "OpenCode starts",
      "one prompt",
      "end",
    ]);
    expect(code).toBe(0);
    expect(await readdir(join(base, "root", "worker"))).toEqual([]);
  });

  it("asks the configured provider when it is told to, and shows why that fails, without the key", async () => {
    const settings = {
      OPEN_COWORK_CLOUD_MODEL_BASE_URL: model.baseUrl.replace("/v1", "/nowhere/v1"),
      OPEN_COWORK_CLOUD_MODEL_API_KEY: "sk-a-key-that-nobody-may-see",
    };
    const { code, lines } = await check(["--provider"], settings);
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/^FAIL {2}one prompt/);
    expect(lines.at(-1)).toContain("provider_error");
    expect(lines.join("\n")).not.toContain("sk-a-key");
  });

  it("fails in one line on a database that does not answer", async () => {
    const url = "postgres://cowork_worker:secret-word@127.0.0.1:9/cowork";
    const { code, lines } = await check([], {
      OPEN_COWORK_CLOUD_DATABASE_URL: url,
      OPEN_COWORK_CLOUD_DATABASE_DEADLINE_MS: "500",
    });
    expect(code).toBe(1);
    expect(lines).toHaveLength(2);
    expect(lines[1]).toMatch(/^FAIL {2}database .*is OPEN_COWORK_CLOUD_DATABASE_URL right, and Postgres up\?$/);
    expect(lines.join("\n")).not.toContain("secret-word");
  });

  it("fails in one line when the binary is missing", async () => {
    const copy = await spoiledRoom("missing", async () => {});
    const { code, lines } = await check([], {}, copy);
    expect({ code, lines }).toEqual({
      code: 1,
      lines: [expect.stringMatching(/^FAIL {2}OpenCode binary .*missing: run `npx -y pnpm install` again/)],
    });
  });

  it("fails in one line when another version is installed", async () => {
    const copy = await spoiledRoom("version", async (engine) => {
      const manifest = JSON.parse(await readFile(join(engine, "package.json"), "utf8")) as object;
      await writeFile(join(engine, "package.json"), JSON.stringify({ ...manifest, version: "1.17.11" }));
      await mkdir(join(engine, "bin"));
      await cp(realBinary, join(engine, "bin", "opencode.exe"));
    });
    const { code, lines } = await check([], {}, copy);
    expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringContaining("OpenCode 1.17.11 is installed")] });
  });

  it("fails in one line when the binary is not the released one", async () => {
    const copy = await spoiledRoom("changed", async (engine) => {
      const binary = join(engine, "bin", "opencode.exe");
      await mkdir(dirname(binary));
      await cp(realBinary, binary);
      await truncate(binary, 8 * 1024 * 1024);
    });
    const { code, lines } = await check([], {}, copy);
    expect({ code, lines }).toEqual({ code: 1, lines: [expect.stringContaining("is not the released one")] });
  });

  it("fails in one line when OpenCode does not get ready in time", async () => {
    const { code, lines } = await check([], { OPEN_COWORK_CLOUD_RUNTIME_START_MS: "50" });
    expect(code).toBe(1);
    expect(lines.at(-1)).toMatch(/^FAIL {2}OpenCode starts .*did not answer within 50 ms/);
  });

  it("names a flag that it does not know, and a setting that is wrong", async () => {
    expect(await check(["--fast"])).toMatchObject({ code: 2, errors: [expect.stringContaining("--fast")] });
    const wrong = { OPEN_COWORK_CLOUD_SANDBOX: "wishful" };
    expect(await check([], wrong)).toMatchObject({ code: 2, errors: [expect.stringContaining("SANDBOX")] });
  });
});
