import { sql } from "kysely";
import type { Db } from "../database/open.ts";

/** Signs a browser out, for good. */
export async function endBrowserSession(db: Db, tokenHash: string): Promise<void> {
  await sql`select web_api.end_browser_session(${tokenHash})`.execute(db);
}
