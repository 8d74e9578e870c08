import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { describe, expect, it } from "vitest";

const main = fileURLToPath(new URL("./main.ts", import.meta.url));

function run(env: Record<string, string>) {
  const own = Object.fromEntries(
    Object.entries(process.env).filter(([name]) => !name.startsWith("OPEN_COWORK_CLOUD_")),
  );
  const ended = spawnSync(process.execPath, [main], { env: { ...own, ...env }, encoding: "utf8", timeout: 10_000 });
  return { code: ended.status, said: ended.stderr.trim().split("\n") };
}

const nowhere = "postgres://cowork_web:x@127.0.0.1:1/nowhere";

describe("the web process", () => {
  it("refuses plain http on a public address with one line that says what to do", () => {
    expect(
      run({ OPEN_COWORK_CLOUD_DATABASE_URL: nowhere, OPEN_COWORK_CLOUD_PUBLIC_URL: "http://cowork.example.org" }),
    ).toEqual({
      code: 3,
      said: [
        expect.stringMatching(
          /^cowork-web: the public address http:\/\/cowork\.example\.org is not https: set OPEN_COWORK_CLOUD_PUBLIC_URL/,
        ),
      ],
    });
  });

  it("says which setting is missing", () => {
    expect(run({})).toEqual({ code: 2, said: [expect.stringContaining("OPEN_COWORK_CLOUD_DATABASE_URL")] });
  });
});
