/** For initdb and postgres: nothing of the launcher's own, which may hold a provider's key, and no PG… of the person's. */
export function postgresEnv(): Record<string, string | undefined> {
  return { PATH: process.env["PATH"], TZ: process.env["TZ"], LC_ALL: "C" };
}
