import { readdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

export interface SqlFile {
  name: string;
  text: string;
}

/** The `.sql` files of one folder of this room, in the order of their names. */
export function sqlFiles(folder: "migrations" | "internal" | "web-api" | "worker-api"): SqlFile[] {
  const at = fileURLToPath(new URL(`../../${folder}/`, import.meta.url));
  return readdirSync(at)
    .filter((name) => name.endsWith(".sql"))
    .sort()
    .map((name) => ({ name: name.replace(/\.sql$/, ""), text: readFileSync(at + name, "utf8") }));
}

/** The newest migration this code knows. */
export function newestMigration(): string {
  return sqlFiles("migrations").at(-1)!.name;
}
