import { afterRestore } from "@open-cowork/store/migrate/after-restore";
import { withOwner } from "@open-cowork/store/migrate/set-up-database";

/**
 * `node scripts/db/after-restore.ts` with the owner's DATABASE_URL, after a backup was restored or a database was copied and
 * before any service starts on it. docs/restore.md has the whole procedure.
 */
const url = process.env["DATABASE_URL"];
if (!url) {
  process.stderr.write("DATABASE_URL is not set: give the URL of the restored database's owner\n");
  process.exit(1);
}
const { epoch, era, closed } = await withOwner(url, ({ db }) => afterRestore(db));
// One line each, as the scheduler logs them: keep them where its log is kept.
for (const head of closed) process.stdout.write(`${JSON.stringify({ msg: "audit sealed", ...head })}\n`);
process.stdout.write(`the plane begins era ${era} with epoch ${epoch}: start its services\n`);
