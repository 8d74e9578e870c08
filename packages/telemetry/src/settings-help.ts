import type { z } from "zod";
import { configFileEnv } from "@open-cowork/contracts/config/load";
import { leavesOf, type Leaf } from "@open-cowork/contracts/config/setting";

/** What `--help` prints: every setting of a service with its name, its default and what it does. */
export function settingsHelp(name: string, about: string, schema: z.ZodType): string {
  const lines = leavesOf(schema).flatMap((leaf) => [`  ${leaf.env}${valueOf(leaf)}`, `      ${leaf.meta.help}`]);
  return [
    `${name}: ${about}`,
    "",
    `Settings come from the environment. ${configFileEnv} may name a JSON file with the same settings by path.`,
    "A secret may also come from a file, by its name with _FILE.",
    "",
    ...lines,
    "",
    "  --help      prints this",
    "  --version   prints the version",
    "",
  ].join("\n");
}

function valueOf(leaf: Leaf): string {
  const choices = leaf.choices ? ` (${leaf.choices.join(" | ")})` : "";
  if (leaf.required) return `${choices}  required`;
  return leaf.defaultText === undefined ? choices : `=${leaf.defaultText}${choices}`;
}
