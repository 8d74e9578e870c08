import type { Config } from "@opencode-ai/sdk/v2";
import type { SandboxKind } from "../sandbox/sandbox.ts";

export type Permissions = Exclude<NonNullable<Config["permission"]>, string>;

/**
 * What an agent may do. A denied tool is not even offered to the model. The wildcard comes first because OpenCode lets
 * the last matching rule win.
 */
const nothing: Permissions = {
  "*": "deny",
  // There is no way out yet that could be watched.
  webfetch: "deny",
  websearch: "deny",
  external_directory: "deny",
  question: "deny",
  doom_loop: "deny",
};
const files: Permissions = { read: "allow", edit: "allow", write: "allow", glob: "allow", grep: "allow" };

/** Git runs hooks and whatever its config names, and without a sandbox OpenCode runs git as the worker's own user. */
const outsideGit = { "*": "allow", ".git": "deny", ".git/*": "deny", "*/.git": "deny", "*/.git/*": "deny" } as const;

export function permissionsIn(sandbox: SandboxKind): Permissions {
  return sandbox === "none"
    ? { ...nothing, ...files, edit: outsideGit, bash: "deny" }
    : { ...nothing, ...files, bash: "allow" };
}
