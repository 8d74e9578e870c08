import { spawnSync } from "node:child_process";
import { userInfo } from "node:os";
import { PostgresStartError } from "./start-error.ts";

export type Argv = [command: string, ...args: string[]];

/**
 * PostgreSQL refuses to run as root, and initdb as a uid without a name (as container platforms assign them). Instead
 * of creating a system user, its process enters a user namespace in which it is "nobody" without any capability. To
 * the host its files still belong to the uid that started it, so this also works in a clone under a 0700 home, where a
 * real second user could not even reach the binaries.
 */
export function unprivileged(argv: Argv): Argv {
  const who = unfitUser();
  if (who === null) return argv;
  const enter: Argv = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"];
  const tried = spawnSync(enter[0], [...enter.slice(1), "true"], { encoding: "utf8" });
  if (tried.status === 0) return [...enter, ...argv];
  const why = tried.error?.message ?? tried.stderr.trim().split("\n")[0];
  throw new PostgresStartError(
    "cannot_drop_root",
    `PostgreSQL does not run as ${who} and this machine allows no user namespace (${why}): ` +
      "start as an ordinary user, or set DATABASE_URL to a PostgreSQL of your own",
  );
}

function unfitUser(): string | null {
  const uid = process.getuid?.();
  if (uid === 0) return "root";
  try {
    userInfo();
    return null;
  } catch {
    return `uid ${uid}, which has no name,`;
  }
}
