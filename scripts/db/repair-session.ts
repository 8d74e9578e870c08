import { parseArgs } from "node:util";
import { idSchema } from "@open-cowork/contracts/ids";
import { repairReadModel } from "@open-cowork/store/events/repair-read-model";
import { withOwner } from "@open-cowork/store/migrate/set-up-database";

/** `DATABASE_URL=… npx -y pnpm db:repair SESSION_ID [--check]`; exits 1 when something is wrong still. */
const usage = `Makes the read model of a session again from its events, as the owner of the database.
usage: DATABASE_URL=postgres://… npx -y pnpm db:repair SESSION_ID [--check]
  --check   only says what is wrong
`;
const { values, positionals } = parseArgs({
  options: { check: { type: "boolean", default: false }, help: { type: "boolean", default: false } },
  allowPositionals: true,
});
const url = process.env["DATABASE_URL"];
const sessionId = idSchema<"session">().safeParse(positionals[0]).data;
if (values.help || !sessionId || !url) {
  process.stdout.write(usage);
  process.exit(values.help ? 0 : 2);
}

const write = !values.check;
const repair = await withOwner(url, ({ db }) => repairReadModel(db, sessionId, { write }));
if (repair) {
  for (const key of repair.wrong) process.stdout.write(`${write ? "written again" : "wrong"}: ${key}\n`);
  process.stdout.write(
    repair.agrees
      ? "The read model is what the events make it.\n"
      : "The read model differs from the events; commands are never written here, compare them by hand.\n",
  );
} else process.stdout.write("There is no such session; its id stands in its address.\n");
process.exitCode = repair?.agrees ? 0 : 1;
