import type { Config } from "@opencode-ai/sdk/v2";
import type { SandboxKind } from "../sandbox/sandbox.ts";

export type Permissions = Exclude<NonNullable<Config["permission"]>, string>;

/**
 * The most that any agent may do under a kind of sandbox, whatever its profile says. A denied tool is not even offered to
 * the model. The wildcard comes first because OpenCode lets the last matching rule win.
 */
const nothing: Permissions = {
  "*": "deny",
  // There is no way out yet that could be watched.
  webfetch: "deny",
  websearch: "deny",
  external_directory: "deny",
  doom_loop: "deny",
};
const files: Permissions = { read: "allow", edit: "allow", write: "allow", glob: "allow", grep: "allow" };
const people: Permissions = { question: "allow" };

/** Git runs hooks and whatever its config names, and without a sandbox OpenCode runs git as the worker's own user. */
const outsideGit = { "*": "allow", ".git": "deny", ".git/*": "deny", "*/.git": "deny", "*/.git/*": "deny" } as const;

export function permissionsIn(sandbox: SandboxKind): Permissions {
  return sandbox === "none"
    ? { ...nothing, ...files, ...people, edit: outsideGit, bash: "deny" }
    : { ...nothing, ...files, ...people, bash: "allow" };
}
