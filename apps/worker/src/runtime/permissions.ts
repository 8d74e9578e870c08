import type { Config } from "@opencode-ai/sdk/v2";

export type Permissions = Exclude<NonNullable<Config["permission"]>, string>;

/**
 * The most that any agent may do under a kind of sandbox, whatever its profile says. A denied tool is not even offered to
 * the model. The wildcard comes first because OpenCode lets the last matching rule win.
 */
const nothing: Permissions = {
  "*": "deny",
  webfetch: "deny",
  websearch: "deny",
  external_directory: "deny",
  doom_loop: "deny",
};
const files: Permissions = { read: "allow", edit: "allow", write: "allow", glob: "allow", grep: "allow" };

/** Git runs hooks and whatever its config names, and OpenCode runs git. */
const outsideGit = { "*": "allow", ".git": "deny", ".git/*": "deny", "*/.git": "deny", "*/.git/*": "deny" } as const;

export function permissionsIn(sandbox: "none"): Permissions {
  return { none: { ...nothing, ...files, edit: outsideGit, bash: "deny", question: "allow" } as const }[sandbox];
}
