import { describe, expect, it } from "vitest";
import { inheritedEnv, readSettings } from "./settings.ts";
import { StartRefused } from "./refusal.ts";

const noFile = () => {
  throw new Error("no file here");
};

function refusalOf(env: Record<string, string>): StartRefused {
  try {
    readSettings(env, noFile);
  } catch (error) {
    if (error instanceof StartRefused) return error;
    throw error;
  }
  throw new Error("it was not refused");
}

describe("the settings of pnpm start", () => {
  it("have defaults for everything", () => {
    expect(readSettings({}, noFile)).toEqual({
      start: { root: ".open-cowork", port: 4810 },
      forService: { web: {}, scheduler: {}, worker: {} },
    });
  });

  it("go to the services that know them, and to no other", () => {
    const { forService } = readSettings(
      {
        OPEN_COWORK_CLOUD_LANES: "2",
        OPEN_COWORK_CLOUD_MODEL_API_KEY: "sk-very-secret",
        OPEN_COWORK_CLOUD_MAX_STREAMS: "9",
        OPEN_COWORK_CLOUD_SHUTDOWN_GRACE_MS: "5000",
        OPEN_COWORK_CLOUD_RECOVERY_MS: "",
        AWS_SECRET_ACCESS_KEY: "another secret",
      },
      noFile,
    );
    const shared = { OPEN_COWORK_CLOUD_SHUTDOWN_GRACE_MS: "5000" };
    expect(forService).toEqual({
      web: { ...shared, OPEN_COWORK_CLOUD_MAX_STREAMS: "9" },
      scheduler: shared,
      worker: { ...shared, OPEN_COWORK_CLOUD_LANES: "2", OPEN_COWORK_CLOUD_MODEL_API_KEY: "sk-very-secret" },
    });
  });

  it("are refused one clear line each when nobody knows them", () => {
    const { lines, exitCode } = refusalOf({ OPEN_COWORK_CLOUD_LANE: "2", OPEN_COWORK_CLOUD_PORTS: "1" });
    expect(exitCode).toBe(2);
    expect(lines).toHaveLength(2);
    expect(lines[0]).toContain("OPEN_COWORK_CLOUD_LANE: unknown setting");
  });

  it("are refused when the launcher itself decides them for each service", () => {
    const { lines } = refusalOf({ OPEN_COWORK_CLOUD_OPS_PORT: "1", OPEN_COWORK_CLOUD_DATABASE_URL_FILE: "/x" });
    expect(lines).toHaveLength(2);
    expect(lines.join("\n")).toContain("set DATABASE_URL");
  });

  it("take DATABASE_URL from a file, and never print it", () => {
    const url = "postgres://me:hush@127.0.0.1/db";
    expect(readSettings({ DATABASE_URL_FILE: "/run/url" }, () => `${url}\n`).start.databaseUrl).toBe(url);
    expect(refusalOf({ DATABASE_URL: "mysql://me:hush@127.0.0.1/db" }).message).not.toContain("hush");
  });
});

describe("what a service inherits", () => {
  it("is the way to reach things, and no secret of the shell", () => {
    const env = {
      PATH: "/bin",
      HOME: "/home/me",
      HTTPS_PROXY: "http://p",
      GITHUB_TOKEN: "t",
      DATABASE_URL: "u",
      OPEN_COWORK_CLOUD_LANES: "1",
    };
    expect(inheritedEnv(env)).toEqual({ PATH: "/bin", HOME: "/home/me", HTTPS_PROXY: "http://p" });
  });
});
