import { posix } from "node:path";
import { isCode, isTest, withoutComments, type Sources } from "./sources.ts";

const scope = "@open-cowork/";
const sides = ["store", "objects", "secrets", "telemetry"];
const rooms = ["contracts", ...sides];

/** What the code of each kind of room may use. */
const mayUse: Record<string, readonly string[]> = {
  contracts: [],
  testkit: ["contracts"],
  ...Object.fromEntries(sides.map((side) => [side, ["contracts"]])),
  apps: rooms,
  // Scripts start the services as processes and never import them.
  root: [...rooms, "testkit"],
};

/** Outside packages that only one place may know, and why. */
const kept: ReadonlyArray<{ names: RegExp; inside: RegExp; why: string }> = [
  {
    names: /^(kysely|postgres|kysely-postgres-js)(\/|$)/,
    inside: /^packages\/store\//,
    why: "only packages/store speaks SQL, so that every statement can be read in one place",
  },
  {
    names: /^(@opencode-ai\/|opencode-ai(\/|$))/,
    inside: /^apps\/worker\/src\/runtime\//,
    why: "only apps/worker/src/runtime knows OpenCode, so that a new version of it changes one folder",
  },
  {
    names: /^(vitest|fast-check|@open-cowork\/testkit)(\/|$)/,
    inside: /\.test\.tsx?$|\/testing\/|^packages\/testkit\/|^scripts\/|^[^/]+\.ts$/,
    why: "tests and scripts use the lab, the product does not",
  },
];

/** Imports run one way: contracts <- {store, objects, secrets, telemetry} <- apps, which meet only in Postgres. */
export function importProblems(sources: Sources): string[] {
  return [...sources].flatMap(([path, text]) => {
    // tidy.test.ts holds examples of what is wrong.
    if (isCode(path) && path !== "tidy.test.ts")
      return specifiersOf(text).flatMap((specifier) => problemsOf(path, specifier));
    if (/^(apps|packages)\/[^/]+\/package\.json$/.test(path)) return manifestProblems(path, text);
    return [];
  });
}

function problemsOf(path: string, specifier: string): string[] {
  const problems = kept
    .filter(({ names, inside }) => names.test(specifier) && !inside.test(path))
    .map(({ why }) => `${path} imports ${specifier}: ${why}`);
  if (specifier.startsWith(".")) {
    const target = posix.join(posix.dirname(path), specifier);
    if (folderOf(target) !== folderOf(path)) {
      problems.push(`${path} imports ${specifier}: a room is entered by its name (${scope}…), not through the wall`);
    }
  }
  if (specifier.startsWith(scope)) {
    const room = specifier.slice(scope.length).split("/")[0]!;
    if (!allowedIn(path).includes(room)) {
      problems.push(`${path} imports ${specifier}: its room may use ${allowedIn(path).join(", ")}`);
    }
    if (specifier.includes("/testing/") && !isTest(path) && !path.startsWith("scripts/")) {
      problems.push(`${path} imports ${specifier}: what stands in testing/ is for tests`);
    }
  }
  return problems;
}

/** The declared dependencies obey the same direction; what is not declared can't be imported at all. */
function manifestProblems(path: string, text: string): string[] {
  const manifest = JSON.parse(text) as Record<string, Record<string, string> | undefined>;
  return ["dependencies", "devDependencies"].flatMap((kind) => {
    const allowed = kind === "dependencies" ? mayUse[kindOf(path)]! : [...mayUse[kindOf(path)]!, "testkit"];
    return Object.keys(manifest[kind] ?? {})
      .filter((name) => name.startsWith(scope) && !allowed.includes(name.slice(scope.length)))
      .map((name) => `${path} has ${name} in ${kind}: imports run contracts <- {${sides.join(", ")}} <- apps`);
  });
}

function allowedIn(path: string): readonly string[] {
  const allowed = [...(mayUse[kindOf(path)] ?? []), folderOf(path).split("/")[1] ?? ""].filter(Boolean);
  return isTest(path) ? [...new Set([...allowed, "testkit"])] : allowed;
}

/** "apps/web", "packages/store", or "" for the root with its scripts. */
function folderOf(path: string): string {
  return /^(?:apps|packages)\/[^/]+/.exec(path)?.[0] ?? "";
}

function kindOf(path: string): string {
  const [kind, name] = folderOf(path).split("/");
  return kind === "apps" ? "apps" : (name ?? "root");
}

function specifiersOf(code: string): string[] {
  const imports = /(?:\bfrom\s*|\bimport\s*\(\s*|\bimport\s+)["']([^"'\n]+)["']/g;
  return [...withoutComments(code).matchAll(imports)].map((match) => match[1]!);
}
