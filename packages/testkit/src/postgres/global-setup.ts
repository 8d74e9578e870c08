import type { TestProject } from "vitest/node";
import { suitePostgres } from "./for-suites.ts";

/** Runs once per `vitest run`, before any worker: all suites share this PostgreSQL, each in databases of its own. */
export default async function setUp(project: TestProject): Promise<() => Promise<void>> {
  const postgres = await suitePostgres();
  project.provide("postgresAdminUrl", postgres.adminUrl);
  return postgres.release;
}
