import { readFileSync } from "node:fs";
import { sql } from "kysely";
import { afterAll, beforeAll, expect, it } from "vitest";
import { undone } from "../testing/builders.ts";
import { createTestDatabase, type TestDatabase } from "../testing/test-database.ts";
import { dumpSchema } from "./dump-schema.ts";

let test: TestDatabase;
let made: string;
beforeAll(async () => {
  test = await createTestDatabase();
  made = await dumpSchema(test.owner.db);
});
afterAll(() => test.drop());

const committed = () => readFileSync(new URL("../../schema.sql", import.meta.url), "utf8");

it("what is committed as schema.sql is what the migrations make", async () => {
  expect(
    made === committed(),
    `schema.sql is out of date: run pnpm db:dump\n${firstDifference(committed(), made)}`,
  ).toBe(true);
});

it("the dump is the same for every role that may look, and names no month", async () => {
  expect(await dumpSchema(test.as.scheduler.db)).toBe(made);
  expect(committed()).not.toMatch(/_\d{4}_\d\d\b/);
});

it.each([
  ["a column", "alter table cowork.orgs add column extra text"],
  ["a default", "alter table cowork.orgs alter column name set default 'x'"],
  ["a check", "alter table cowork.orgs add constraint extra check (name <> 'x')"],
  ["a domain", "alter domain cowork.tally add constraint extra check (value <> 7)"],
  ["an index", "create index extra on cowork.orgs (name)"],
  ["a trigger", "drop trigger guard_move on cowork.workers"],
  ["a storage option", "alter table cowork.orgs set (fillfactor = 70)"],
  ["row-level security", "alter table cowork.work disable row level security"],
  ["a policy", "drop policy tenant on cowork.work"],
  ["a grant on a table", "grant delete on cowork.orgs to cowork_web"],
  ["a grant on a column", "grant update (name) on cowork.orgs to cowork_web"],
  ["a grant on a schema", "grant usage on schema web_api to cowork_worker"],
  ["a grant on a function", "grant execute on function internal.recover_lease(uuid) to cowork_web"],
  [
    "a function's signature",
    "create function internal.extra(x integer default 5) returns text language sql as 'select 1::text'",
  ],
  ["a function's rights", "alter function internal.recover_lease(uuid) security invoker"],
  ["default privileges", "alter default privileges grant select on tables to cowork_web"],
])("the dump shows a change of %s", async (_, change) => {
  const after = await undone(test, async (tx) => {
    await sql.raw(change).execute(tx);
    return dumpSchema(tx);
  });
  expect(firstDifference(made, after)).not.toBe("");
});

function firstDifference(before: string, after: string): string {
  const [old, now] = [before.split("\n"), after.split("\n")];
  const at = now.findIndex((line, n) => line !== old[n]);
  return at < 0 ? "" : `line ${at + 1}\n- ${old[at] ?? ""}\n+ ${now[at] ?? ""}`;
}
