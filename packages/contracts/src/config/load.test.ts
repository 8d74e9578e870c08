import { describe, expect, it } from "vitest";
import { z } from "zod";
import { ConfigError, configFileEnv, loadConfig } from "./load.ts";
import { knownEnv, services, workerConfig } from "./services.ts";
import { leavesOf, section, setting } from "./setting.ts";

const schema = z.strictObject({
  port: setting(z.number().int().min(0).default(4810), { help: "A port." }),
  loud: setting(z.boolean().default(true), { help: "A switch." }),
  database: section({
    url: setting(z.url({ protocol: /^postgres$/ }), { help: "Where.", secret: true }),
    deadlineMs: setting(z.number().int().min(0).default(5_000), { help: "How long." }),
    pooled: setting(z.boolean().default(true), { help: "How." }),
  }),
});
const names = leavesOf(schema).flatMap((leaf) => [leaf.env, `${leaf.env}_FILE`]);
const url = "postgres://cowork:hunter2@127.0.0.1/x";
const urlEnv = "OPEN_COWORK_CLOUD_DATABASE_URL";

interface Given {
  env?: Record<string, string>;
  file?: unknown;
  files?: Record<string, string>;
}

function load({ env = {}, file, files = {} }: Given) {
  const all: Record<string, string> = { ...files, ...(file !== undefined && { "/config.json": JSON.stringify(file) }) };
  return loadConfig(schema, {
    env: { [urlEnv]: url, ...(file !== undefined && { [configFileEnv]: "/config.json" }), ...env },
    readFile: (path) => {
      const text = all[path];
      if (text === undefined) throw new Error(`ENOENT: ${path}`);
      return text;
    },
    knownEnv: new Set(names),
  });
}

function problemsOf(given: Given): string[] {
  try {
    load(given);
  } catch (error) {
    if (error instanceof ConfigError) return error.problems;
    throw error;
  }
  return [];
}

describe("configuration", () => {
  it("has its defaults when nothing is said", () => {
    expect(load({})).toEqual({ port: 4810, loud: true, database: { url, deadlineMs: 5_000, pooled: true } });
  });

  it("keeps every default that a partial section does not name, in file and environment", () => {
    expect(load({ file: { database: { deadlineMs: 7 } } }).database).toEqual({ url, deadlineMs: 7, pooled: true });
    expect(load({ env: { OPEN_COWORK_CLOUD_DATABASE_DEADLINE_MS: "7" } }).database).toEqual({
      url,
      deadlineMs: 7,
      pooled: true,
    });
  });

  it("keeps an explicit false and an explicit 0, in file and environment", () => {
    const expected = { port: 0, loud: false, database: { url, deadlineMs: 0, pooled: false } };
    expect(load({ file: { port: 0, loud: false, database: { deadlineMs: 0, pooled: false } } })).toEqual(expected);
    const env = { PORT: "0", LOUD: "false", DATABASE_DEADLINE_MS: "0", DATABASE_POOLED: "0" };
    const prefixed = Object.fromEntries(
      Object.entries(env).map(([name, value]) => [`OPEN_COWORK_CLOUD_${name}`, value]),
    );
    expect(load({ env: prefixed })).toEqual(expected);
  });

  it("lets the environment win over the file, and takes an empty variable for not set", () => {
    expect(load({ file: { port: 1 }, env: { OPEN_COWORK_CLOUD_PORT: "2" } }).port).toBe(2);
    expect(load({ file: { port: 1 }, env: { OPEN_COWORK_CLOUD_PORT: "" } }).port).toBe(1);
  });

  it("refuses an unknown key with its path, in file and environment", () => {
    expect(
      problemsOf({ file: { database: { dedlineMs: 7 }, prot: 1 } })
        .join("\n")
        .split("\n")
        .sort(),
    ).toEqual(["database.dedlineMs: unknown setting", "prot: unknown setting"]);
    const [problem] = problemsOf({ env: { OPEN_COWORK_CLOUD_PROT: "1" } });
    expect(problem).toMatch(/^OPEN_COWORK_CLOUD_PROT: unknown setting/);
    expect(problemsOf({ env: { PROT: "1" } })).toEqual([]);
  });

  it("reads a secret from the file that _FILE names, without the newline at its end", () => {
    const env = { [urlEnv]: "", [`${urlEnv}_FILE`]: "/run/secret" };
    expect(load({ env, files: { "/run/secret": `${url}\n` } }).database.url).toBe(url);
  });

  it("refuses a secret that is given twice, or whose file can't be read", () => {
    const both = problemsOf({ env: { [`${urlEnv}_FILE`]: "/run/secret" }, files: { "/run/secret": url } });
    expect(both).toEqual([`${urlEnv} and ${urlEnv}_FILE are both set: keep one`]);
    const missing = problemsOf({ env: { [urlEnv]: "", [`${urlEnv}_FILE`]: "/gone" } });
    expect(missing[0]).toBe(`${urlEnv}_FILE: cannot read /gone`);
  });

  it("says what is missing, by the name to set", () => {
    expect(problemsOf({ env: { [urlEnv]: "" } })).toEqual([`${urlEnv} (or ${urlEnv}_FILE) is required: Where.`]);
  });

  it("tells all mistakes at once", () => {
    const env = {
      OPEN_COWORK_CLOUD_PORT: "eighty",
      OPEN_COWORK_CLOUD_LOUD: "maybe",
      OPEN_COWORK_CLOUD_DATABASE_DEADLINE_MS: "-1",
    };
    const problems = problemsOf({ env });
    for (const name of Object.keys(env)) expect(problems.join("\n")).toContain(name);
  });

  it("refuses a file that is not one JSON object", () => {
    expect(problemsOf({ file: [1] })[0]).toContain("must hold one JSON object");
    expect(problemsOf({ env: { [configFileEnv]: "/gone" } })[0]).toContain("cannot read /gone");
  });

  it.each<[string, Given]>([
    ["malformed in the environment", { env: { [urlEnv]: "https://cowork:hunter2@127.0.0.1" } }],
    ["malformed in a file of its own", { env: { [urlEnv]: "", [`${urlEnv}_FILE`]: "/f" }, files: { "/f": "hunter2" } }],
    [
      "malformed in the configuration file",
      { env: { [urlEnv]: "" }, file: { database: { url: "mysql://u:hunter2@h" } } },
    ],
    ["of the wrong type", { env: { [urlEnv]: "" }, file: { database: { url: { password: "hunter2" } } } }],
    ["given twice", { env: { [`${urlEnv}_FILE`]: "/f" }, files: { "/f": "hunter2" } }],
    ["in a configuration file that is bare", { env: { [configFileEnv]: "/f" }, files: { "/f": "hunter2" } }],
    [
      "in a configuration file that is no JSON",
      { env: { [configFileEnv]: "/f" }, files: { "/f": `{"database":{"url":"postgres://u:hunter2@h"},}` } },
    ],
  ])("never shows a secret that is %s", (_, given) => {
    const problems = problemsOf(given);
    expect(problems).not.toEqual([]);
    expect(problems.join("\n")).not.toContain("hunter2");
  });
});

describe("the services' settings", () => {
  it.each(Object.entries(services))("of %s each have a help that is a sentence", (_, service) => {
    for (const leaf of leavesOf(service.schema)) expect(leaf.meta.help, leaf.env).toMatch(/\.$/);
  });

  it("are known by name to the check for typing errors, secrets also with _FILE", () => {
    expect(knownEnv.has("OPEN_COWORK_CLOUD_LEASE_TTL_MS")).toBe(true);
    expect(knownEnv.has("OPEN_COWORK_CLOUD_WORKER_CREDENTIAL_FILE")).toBe(true);
    expect(knownEnv.has("OPEN_COWORK_CLOUD_PORT_FILE")).toBe(false);
  });

  it("of the worker keep the lease's margin and renewal inside of its time to live", () => {
    const env = Object.fromEntries(
      leavesOf(workerConfig)
        .filter((leaf) => leaf.required)
        .map((leaf) => [leaf.env, leaf.env.endsWith("WORKER_ID") ? "0198a000-0000-7000-8000-000000000000" : url]),
    );
    const { lease } = loadConfig(workerConfig, { env, knownEnv, readFile: () => "" });
    expect(lease.renewMs * 2 + lease.marginMs).toBeLessThan(lease.ttlMs);
  });
});
