import type { ProfilePolicy } from "@open-cowork/contracts/profile-policy";
import type { Permissions } from "./permissions.ts";

type Action = "allow" | "ask" | "deny";
type Rules = ReadonlyArray<readonly [pattern: string, action: Action]>;

/** OpenCode has no patterns for these: a rule of a profile that names one (with `*` as the tool) is not about them. */
const wordOnly: ReadonlySet<string> = new Set(["question", "webfetch", "websearch", "todowrite", "doom_loop"]);

/**
 * A profile's rules as OpenCode reads them, below what the sandbox permits. OpenCode lets the last matching rule win, so
 * for each tool that is permitted at all the order is: everything, what the profile says of it, and last what is never
 * permitted.
 */
export function permissionsOf(policy: Pick<ProfilePolicy, "permissions">, ceiling: Permissions): Permissions {
  const tools = Object.entries(ceiling).map(([tool, said]): [string, Permissions[string]] => {
    const most = rulesOf(said);
    if (tool === "*" || most.every(([, action]) => action === "deny")) return [tool, said];
    const asked = policy.permissions
      .filter(({ permission }) => permission === tool || permission === "*")
      .filter(({ pattern }) => pattern === "*" || !wordOnly.has(tool))
      .map(({ pattern, action }) => [pattern, action] as const);
    return [tool, asConfig([...most, ...asked, ...most.filter(([, action]) => action === "deny")])];
  });
  return Object.fromEntries(tools) as Permissions;
}

function rulesOf(said: Permissions[string]): Rules {
  return typeof said === "string" ? [["*", said]] : (Object.entries(said ?? {}) as Array<[string, Action]>);
}

/** An object keeps a key where it stood first; said again, a pattern counts where it was said last. */
function asConfig(rules: Rules): Permissions[string] {
  const patterns = new Map<string, Action>();
  for (const [pattern, action] of rules) {
    patterns.delete(pattern);
    patterns.set(pattern, action);
  }
  const [newest, action] = [...patterns].at(-1)!;
  // Some tools take a word only.
  return newest === "*" ? action : Object.fromEntries(patterns);
}
