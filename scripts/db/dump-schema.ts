import { randomBytes } from "node:crypto";
import { writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { createOwner } from "@open-cowork/store/migrate/create-owner";
import { dumpSchema } from "@open-cowork/store/migrate/dump-schema";
import { setUpDatabase, withOwner } from "@open-cowork/store/migrate/set-up-database";
import { suitePostgres } from "@open-cowork/testkit/postgres/for-suites";

/**
 * `pnpm db:dump`: migrates an empty database and writes what came of it to packages/store/schema.sql. Always in the
 * embedded Postgres, in a directory that goes away again: roles belong to a whole server, and nobody's is touched.
 */
delete process.env["TEST_DATABASE_URL"];
delete process.env["TEST_CONTAINERS"];
const target = fileURLToPath(new URL("../../packages/store/schema.sql", import.meta.url));
const password = () => randomBytes(16).toString("base64url");
const passwords = { web: password(), scheduler: password(), worker: password() };

const postgres = await suitePostgres();
try {
  const ownerUrl = await createOwner(postgres.adminUrl, { database: "cowork", password: password() });
  await setUpDatabase(ownerUrl, passwords);
  writeFileSync(target, await withOwner(ownerUrl, ({ db }) => dumpSchema(db)));
  process.stdout.write("wrote packages/store/schema.sql\n");
} finally {
  await postgres.release();
}
