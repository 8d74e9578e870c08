import { describe, expect, it } from "vitest";
import { failures, refusals } from "@open-cowork/contracts/refusals";
import { pages } from "./scripts/docs/pages.ts";
import { clockProblems } from "./scripts/tidy/clock.ts";
import { checkedProblems, fileProblems, roomProblems } from "./scripts/tidy/house.ts";
import { importProblems } from "./scripts/tidy/imports.ts";
import { linkProblems } from "./scripts/tidy/links.ts";
import { migrationProblems, sha256Of } from "./scripts/tidy/migrations.ts";
import { outsideProblems } from "./scripts/tidy/outside.ts";
import { meansProblems, sqlReasonProblems, sqlReasons } from "./scripts/tidy/reasons.ts";
import { readRepository, type Sources } from "./scripts/tidy/sources.ts";

/**
 * Our own few facts about this repository. Each has a checker over (path, text), which is first shown to find what it
 * looks for and to leave the rest alone: a checker that can't fail proves nothing.
 */
const repository = readRepository();
const reasons = { ...refusals, ...failures };

const files = (entries: Record<string, string>): Sources => new Map(Object.entries(entries));
const file = (path: string, text: string): Sources => files({ [path]: text });

describe("imports run one way", () => {
  it("in this repository", () => {
    expect(importProblems(repository)).toEqual([]);
  });

  it.each([
    ["packages/contracts/src/a.ts", `import { x } from "@open-cowork/store/a";`],
    ["packages/secrets/src/a.ts", `import type { x } from "@open-cowork/telemetry/a";`],
    ["packages/testkit/src/a.ts", `export * from "@open-cowork/store/a";`],
    ["packages/store/src/a.ts", `import { x } from "../../secrets/src/a.ts";`],
    ["packages/store/src/a.ts", `import { eventually } from "@open-cowork/testkit/eventually";`],
    ["apps/web/src/a.ts", `import { x } from "../../worker/src/a.ts";`],
    ["apps/web/src/a.tsx", `const x = await import("@open-cowork/worker/a");`],
    ["apps/web/src/a.ts", `import { world } from "@open-cowork/store/testing/world";`],
    ["apps/web/src/a.ts", `import { sql } from "kysely";`],
    ["apps/web/src/a.test.ts", `import postgres from "postgres";`],
    ["apps/worker/src/lanes/a.ts", `import { createOpencodeClient } from "@opencode-ai/sdk/client";`],
    ["scripts/start/main.ts", `import "../../apps/web/src/main.ts";`],
    ["packages/store/package.json", `{ "dependencies": { "@open-cowork/secrets": "workspace:*" } }`],
    ["packages/store/package.json", `{ "dependencies": { "@open-cowork/testkit": "workspace:*" } }`],
  ])("and a wrong one is found: %s, %s", (path, text) => {
    expect(importProblems(file(path, text))).not.toEqual([]);
  });

  it.each([
    ["packages/store/src/a.ts", `import { sql } from "kysely"; import { x } from "@open-cowork/contracts/ids";`],
    [
      "packages/store/src/testing/world.ts",
      `import { suitePostgres } from "@open-cowork/testkit/postgres/for-suites";`,
    ],
    [
      "apps/web/src/a.test.ts",
      `import { world } from "@open-cowork/store/testing/world"; import { it } from "vitest";`,
    ],
    ["apps/worker/src/runtime/a.ts", `import { createOpencodeClient } from "@opencode-ai/sdk/client";`],
    ["apps/web/src/a.ts", `// import { sql } from "kysely"\nimport { x } from "./b.ts";`],
    ["packages/store/package.json", `{ "devDependencies": { "@open-cowork/testkit": "workspace:*" } }`],
  ])("and a right one is not: %s, %s", (path, text) => {
    expect(importProblems(file(path, text))).toEqual([]);
  });
});

describe("only the clock module reads a clock or sets a timer", () => {
  it("in this repository", () => {
    expect(clockProblems(repository)).toEqual([]);
  });

  it.each([
    "Date.now()",
    "new Date()",
    "String(Date())",
    "performance.now()",
    "setTimeout(f, 1)",
    "globalThis; setInterval(f, 1)",
    "process.hrtime.bigint()",
    `import { setTimeout } from "node:timers/promises";`,
    "AbortSignal.timeout(5)",
  ])("and %s is found", (code) => {
    expect(clockProblems(file("apps/web/src/a.ts", `const a = 1;\n${code}`))[0]).toMatch(/^apps\/web\/src\/a\.ts:2 /);
    expect(clockProblems(file("packages/contracts/src/clock.ts", code))).toEqual([]);
    expect(clockProblems(file("apps/web/src/a.test.ts", code))).toEqual([]);
  });

  it.each([
    "new Date(value)",
    "clock.now()",
    "// Date.now() is not ours",
    "/* setTimeout( */",
    "toDate(x)",
    "socket.setTimeout(9)",
  ])("and %s is not", (code) => {
    expect(clockProblems(file("apps/web/src/a.ts", code))).toEqual([]);
  });
});

describe("every reason is documented", () => {
  it("in contracts/refusals.ts, with a sentence for a person", () => {
    expect(meansProblems(reasons)).toEqual([]);
  });

  it("before SQL may say it", () => {
    expect(sqlReasons(repository).length).toBeGreaterThan(5);
    expect(sqlReasonProblems(repository, reasons)).toEqual([]);
  });

  it("and one without a sentence, or unknown to contracts, is found", () => {
    expect(meansProblems({ a: { means: "no full stop" }, b: { means: "" }, c: { means: "Fine." } })).toHaveLength(2);
    const sql = `v_reason := 'made_up';\nreturn query select false, 'also_made_up';\nreason := 'stale_lease';`;
    expect(sqlReasonProblems(file("packages/store/worker-api/a.sql", sql), reasons)).toHaveLength(2);
  });
});

describe("links lead somewhere", () => {
  it("in every page of this repository", () => {
    expect(linkProblems(repository)).toEqual([]);
  });

  it("and a dead link or anchor is found", () => {
    const docs = files({
      "README.md": "[a](docs/a.md) [b](docs/a.md#two-words) [c](docs) [d](#top) [e](https://example.test/x)\n# Top",
      "docs/a.md": "# Two `words`!\n[up](../README.md#top)\n```\n[not](a-link.md)\n```",
    });
    expect(linkProblems(docs)).toEqual([]);
    expect(linkProblems(files({ ...Object.fromEntries(docs), "docs/b.md": "[x](gone.md) [y](a.md#gone)" }))).toEqual([
      "docs/b.md links to gone.md: there is no docs/gone.md",
      "docs/b.md links to a.md#gone: docs/a.md has no heading #gone",
    ]);
  });
});

describe("a released migration is never edited", () => {
  const at = (name: string) => `packages/store/migrations/${name}`;
  const released = JSON.stringify({ "0001_a.sql": sha256Of("create table a ();") });

  it("in this repository", () => {
    expect(migrationProblems(repository)).toEqual([]);
  });

  it("and an edited, a missing or a misnumbered one is found", () => {
    const good = { [at("0001_a.sql")]: "create table a ();", [at("0002_b.sql")]: "", [at("released.json")]: released };
    expect(migrationProblems(files(good))).toEqual([]);
    expect(migrationProblems(files({ ...good, [at("0001_a.sql")]: "create table b ();" }))[0]).toContain("has changed");
    expect(migrationProblems(file(at("released.json"), released))[0]).toContain("is gone");
    expect(migrationProblems(files({ [at("0001_a.sql")]: "", [at("0001_b.sql")]: "" }))[0]).toContain("out of line");
  });
});

describe("the house is in order", () => {
  it("every room has a short README, every file is short and well named", () => {
    expect([...roomProblems(repository), ...fileProblems(repository), ...checkedProblems(repository)]).toEqual([]);
  });

  it("and a room without a door, or a file that is too long or misnamed, is found", () => {
    expect(roomProblems(file("apps/web/src/main.ts", ""))).toHaveLength(1);
    expect(roomProblems(file("apps/web/README.md", "\n".repeat(30) + "x"))).toHaveLength(1);
    expect(roomProblems(file("apps/web/README.md", "# web"))).toEqual([]);
    expect(checkedProblems(file("apps/web/package.json", `{ "scripts": {} }`))).toHaveLength(1);
    expect(checkedProblems(file("apps/web/package.json", `{ "scripts": { "typecheck": "tsc -p ." } }`))).toEqual([]);
    expect(fileProblems(file("apps/web/src/a.ts", "x\n".repeat(401)))).toHaveLength(1);
    expect(fileProblems(file("apps/web/src/camelCase.ts", ""))).toHaveLength(1);
    expect(fileProblems(file("apps/web/src/utils/a.ts", ""))).toHaveLength(1);
    expect(fileProblems(file("apps/web/src/a-b.test.ts", "x\n".repeat(400)))).toEqual([]);
  });
});

describe("a generated page is what its generator makes", () => {
  it.each(Object.keys(pages))("%s (run `npx -y pnpm run docs` to renew it)", (path) => {
    expect(repository.get(path)).toBe(pages[path]!());
  });
});

describe("the repository names nothing of one machine", () => {
  it("in any file", () => {
    expect(outsideProblems(repository)).toEqual([]);
  });

  it("and a path or a host is found", () => {
    const path = ["", "root", "x"].join("/");
    expect(outsideProblems(file("a.md", `see ${path}`))).toHaveLength(1);
    expect(outsideProblems(file("a.md", ["see https:/", "registry.mirror.internal", "x"].join("/")))).toHaveLength(1);
    expect(
      outsideProblems(file("a.md", "see http://127.0.0.1:4810 and https://a.example.test/root/x in ./root/x")),
    ).toEqual([]);
  });
});
