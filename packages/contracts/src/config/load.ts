import type { z } from "zod";
import { envPrefix, leavesOf, type Leaf } from "./setting.ts";

/** Where configuration comes from. Injected, so that the loader itself stays pure and its tests need no disk. */
export interface ConfigSource {
  env: Record<string, string | undefined>;
  readFile: (path: string) => string;
  /** Names that some service of the plane knows; a prefixed name outside of them is a typing error, not a wish. */
  knownEnv: ReadonlySet<string>;
}

/** Carries one clear line per mistake, each with the path of the setting and never a value of a secret. */
export class ConfigError extends Error {
  override name = "ConfigError";
  readonly problems: string[];
  constructor(problems: string[]) {
    super(problems.join("\n"));
    this.problems = problems;
  }
}

/** The optional file's own name in the environment; its keys are the paths of the schema, as JSON. */
export const configFileEnv = `${envPrefix}CONFIG_FILE`;

/** Defaults, then the file, then the environment. Throws `ConfigError`. */
export function loadConfig<S extends z.ZodType>(schema: S, source: ConfigSource): z.output<S> {
  const problems: string[] = [];
  const raw = readConfigFile(source, problems);
  for (const leaf of leavesOf(schema)) {
    const text = readEnv(leaf, source, problems);
    if (text !== undefined) setPath(raw, leaf.path, fromText(leaf, text, problems));
  }
  problems.push(...unknownNames(source));
  const parsed = schema.safeParse(raw);
  if (!parsed.success) problems.push(...parsed.error.issues.map((issue) => describeIssue(issue, leavesOf(schema))));
  if (problems.length > 0 || !parsed.success) throw new ConfigError(problems);
  return parsed.data;
}

function readConfigFile(source: ConfigSource, problems: string[]): Record<string, unknown> {
  const path = source.env[configFileEnv];
  if (!path) return {};
  try {
    const value: unknown = JSON.parse(source.readFile(path));
    if (typeof value === "object" && value !== null && !Array.isArray(value)) return value as Record<string, unknown>;
    problems.push(`${configFileEnv}: the file must hold one JSON object`);
  } catch (error) {
    // Never the parser's own words: they quote the file, and the file may hold a secret.
    const at = / at position \d+/.exec((error as Error).message)?.[0] ?? "";
    const what = error instanceof SyntaxError ? `${path} is not JSON${at}` : `cannot read ${path}`;
    problems.push(`${configFileEnv}: ${what}`);
  }
  return {};
}

function readEnv(leaf: Leaf, source: ConfigSource, problems: string[]): string | undefined {
  const direct = source.env[leaf.env];
  const file = leaf.meta.secret ? source.env[`${leaf.env}_FILE`] : undefined;
  if (direct && file) problems.push(`${leaf.env} and ${leaf.env}_FILE are both set: keep one`);
  // An empty variable is how a shell or a compose file says "not set".
  if (direct) return direct;
  if (!file) return undefined;
  try {
    return source.readFile(file).trim();
  } catch {
    problems.push(`${leaf.env}_FILE: cannot read ${file}`);
    return undefined;
  }
}

function fromText(leaf: Leaf, text: string, problems: string[]): unknown {
  if (leaf.kind === "list")
    return text
      .split(",")
      .map((item) => item.trim())
      .filter(Boolean);
  if (leaf.kind === "boolean") {
    if (text === "true" || text === "1") return true;
    if (text === "false" || text === "0") return false;
    problems.push(`${leaf.env}: expected true or false`);
    return undefined;
  }
  if (leaf.kind === "number") {
    const value = Number(text);
    if (text.trim() !== "" && Number.isFinite(value)) return value;
    problems.push(`${leaf.env}: expected a number`);
    return undefined;
  }
  return text;
}

function unknownNames(source: ConfigSource): string[] {
  return Object.keys(source.env)
    .filter((name) => name.startsWith(envPrefix) && name !== configFileEnv)
    .filter((name) => !source.knownEnv.has(name))
    .map((name) => `${name}: unknown setting; docs/configuration.md lists all of them`);
}

function describeIssue(issue: z.core.$ZodIssue, leaves: Leaf[]): string {
  const path = issue.path.map(String);
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => `${[...path, key].join(".")}: unknown setting`).join("\n");
  }
  const leaf = leaves.find((candidate) => candidate.path.join(".") === path.join("."));
  if (!leaf) return `${path.join(".")}: ${issue.message}`;
  const missing = issue.code === "invalid_type" && issue.input === undefined;
  const names = leaf.meta.secret ? `${leaf.env} (or ${leaf.env}_FILE)` : leaf.env;
  return missing ? `${names} is required: ${leaf.meta.help}` : `${names}: ${issue.message}`;
}

function setPath(target: Record<string, unknown>, path: string[], value: unknown): void {
  let at = target;
  for (const key of path.slice(0, -1)) {
    const next = at[key];
    at = (typeof next === "object" && next !== null ? next : (at[key] = {})) as Record<string, unknown>;
  }
  at[path.at(-1)!] = value;
}
