import { DatabaseUnfit } from "@open-cowork/store/migrate/set-up-database";
import { PostgresStartError } from "@open-cowork/testkit/postgres/start-error";
import { StartRefused } from "./refusal.ts";

/** One line and a way out for what can be wrong with DATABASE_URL; everything else is returned as it is. */
export function explainExternal(error: unknown, url: string): unknown {
  const { hostname, port, username, pathname } = new URL(url);
  const where = `${hostname}:${port || 5432}`;
  if (error instanceof DatabaseUnfit) return new StartRefused(`DATABASE_URL: ${error.message}`);
  const code = codeOf(error);
  switch (code) {
    case "28P01":
    case "28000":
      return new StartRefused(
        `DATABASE_URL: ${where} refused the user ${username || "(none)"}: put the right user and password into it`,
      );
    case "3D000":
      return new StartRefused(
        `DATABASE_URL: there is no database ${pathname.slice(1)} at ${where}: create it, owned by ${username}`,
      );
    case "42501":
      return new StartRefused(
        `DATABASE_URL: the role ${username} lacks a right (${messageOf(error)}): it must own the database and may create roles`,
      );
    case "ENOTFOUND":
    case "EAI_AGAIN":
      return new StartRefused(
        `DATABASE_URL: there is no host ${hostname}: correct it, or unset DATABASE_URL to use the embedded PostgreSQL`,
      );
    default:
  }
  const unreachable =
    (error as Error | null)?.name === "DatabaseUnavailable" || /^(E[A-Z]+|CONNECT|08)/.test(code ?? "");
  if (!unreachable) return error;
  return new StartRefused(
    `DATABASE_URL: no PostgreSQL answers at ${where} (${code ?? "no answer"}): start it, correct the URL, or unset it to use the embedded one`,
  );
}

export function explainEmbedded(error: unknown, root: string): unknown {
  if (error instanceof PostgresStartError) return new StartRefused(error.message);
  if (codeOf(error) === "28P01") {
    return new StartRefused(
      `${root}/secrets.json does not hold the password of ${root}/postgres: put the right file back, or move ${root} away to start anew`,
    );
  }
  return error;
}

/** The innermost code is the one that says what happened. */
function codeOf(error: unknown): string | null {
  const { code, cause } = (error ?? {}) as { code?: unknown; cause?: unknown };
  return (cause === undefined ? null : codeOf(cause)) ?? (typeof code === "string" ? code : null);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
