import { describe, expect, it } from "vitest";
import { DatabaseUnfit } from "@open-cowork/store/migrate/set-up-database";
import { PostgresStartError } from "@open-cowork/testkit/postgres/start-error";
import { explainEmbedded, explainExternal } from "./database-problem.ts";
import { StartRefused } from "./refusal.ts";

const url = "postgres://me:hush@db.example:6543/plane";
const wrapped = (code: string) => new Error("outer", { cause: Object.assign(new Error(`inner ${code}`), { code }) });

describe("a wrong DATABASE_URL", () => {
  it.each([
    ["28P01", "refused the user me"],
    ["3D000", "no database plane"],
    ["42501", "lacks a right"],
    ["ENOTFOUND", "no host db.example"],
    ["ECONNREFUSED", "no PostgreSQL answers at db.example:6543"],
  ])("with %s gets one line that says so, without the password", (code, words) => {
    const refusal = explainExternal(wrapped(code), url) as StartRefused;
    expect(refusal).toBeInstanceOf(StartRefused);
    expect(refusal.lines).toHaveLength(1);
    expect(refusal.message).toContain(words);
    expect(refusal.message).not.toContain("hush");
  });

  it("keeps the words of a check that found the database unfit", () => {
    expect((explainExternal(new DatabaseUnfit("Postgres 14 is too old"), url) as Error).message).toBe(
      "DATABASE_URL: Postgres 14 is too old",
    );
  });

  it("does not hide a bug", () => {
    const bug = new TypeError("undefined is not a function");
    expect(explainExternal(bug, url)).toBe(bug);
  });
});

describe("a broken embedded database", () => {
  it("is explained by the one who found it, and a lost password by its file", () => {
    const half = new PostgresStartError("half_initialised", "move it away");
    expect((explainEmbedded(half, "/data") as StartRefused).lines).toEqual(["move it away"]);
    expect((explainEmbedded(wrapped("28P01"), "/data") as StartRefused).message).toContain("/data/secrets.json");
  });
});
