import { readFileSync } from "node:fs";
import { parseArgs } from "node:util";

/** The two flags that every command of ours has, or in words what is wrong with those that were given. */
export function readFlags(): { help: boolean; version: boolean } | string {
  try {
    const options = {
      help: { type: "boolean", default: false },
      version: { type: "boolean", default: false },
    } as const;
    return parseArgs({ options, strict: true }).values;
  } catch (error) {
    return `${(error as Error).message}; --help lists what there is`;
  }
}

/** All rooms are released as one, under the version of the root. */
export function ownVersion(): string {
  const text = readFileSync(new URL("../../../package.json", import.meta.url), "utf8");
  return (JSON.parse(text) as { version: string }).version;
}
