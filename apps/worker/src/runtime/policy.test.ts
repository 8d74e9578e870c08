import { describe, expect, it } from "vitest";
import { ProfilePolicy } from "@open-cowork/contracts/profile-policy";
import { permissionsIn, type Permissions } from "./permissions.ts";
import { permissionsOf } from "./policy.ts";

const open: Permissions = { "*": "deny", read: "allow", edit: "allow", bash: "allow", question: "allow" };
const under = (ceiling: Permissions, ...permissions: unknown[]) =>
  permissionsOf(ProfilePolicy.parse({ permissions }), ceiling);
/** In the order that decides: OpenCode lets the last matching rule win. */
const inOrder = (rules: Permissions[string]) => JSON.stringify(rules);

describe("a profile's rules for OpenCode", () => {
  it("are what the sandbox permits when the profile says nothing", () => {
    expect(under(open)).toEqual(open);
    expect(under(permissionsIn("none"))).toEqual(permissionsIn("none"));
  });

  it("can ask and deny, for one tool or for all, with the last rule winning", () => {
    expect(under(open, { permission: "bash", action: "ask" })).toEqual({ ...open, bash: "ask" });
    expect(under(open, { permission: "*", action: "ask" }, { permission: "read", action: "allow" })).toEqual({
      "*": "deny",
      read: "allow",
      edit: "ask",
      bash: "ask",
      question: "ask",
    });
    const { bash } = under(
      open,
      { permission: "bash", pattern: "git *", action: "allow" },
      { permission: "bash", action: "ask" },
      { permission: "bash", pattern: "git status*", action: "allow" },
      { permission: "bash", pattern: "git *", action: "deny" },
    );
    expect(inOrder(bash)).toBe('{"*":"ask","git status*":"allow","git *":"deny"}');
  });

  it("never permit more than the sandbox does, whatever they say and in whatever order", () => {
    const none = permissionsIn("none");
    const all = under(
      none,
      { permission: "*", action: "allow" },
      { permission: "bash", action: "allow" },
      { permission: "webfetch", action: "ask" },
      { permission: "made-up", action: "allow" },
      { permission: "edit", pattern: ".git/*", action: "allow" },
      { permission: "edit", pattern: "*.md", action: "allow" },
    );
    expect(all).toMatchObject({ "*": "deny", bash: "deny", webfetch: "deny", external_directory: "deny" });
    expect(all).not.toHaveProperty("made-up");
    expect(inOrder(all["edit"])).toBe(
      '{"*":"allow","*.md":"allow",".git":"deny",".git/*":"deny","*/.git":"deny","*/.git/*":"deny"}',
    );
  });

  it("keep a word where OpenCode takes no patterns", () => {
    expect(under(open, { permission: "*", pattern: "x", action: "deny" })["question"]).toBe("allow");
    expect(under(open, { permission: "question", action: "deny" })["question"]).toBe("deny");
  });
});

describe("a profile's policy", () => {
  it.each([
    { permissions: [{ permission: "bash", action: "maybe" }] },
    { permissions: [{ action: "ask" }] },
    { permissions: { bash: "ask" } },
    { decisionWaitMs: 0 },
    { decisionWaitMs: 8 * 24 * 3_600_000 },
    { more: true },
  ])("is refused where nobody could say what it means: %j", (policy) => {
    expect(ProfilePolicy.safeParse(policy).success).toBe(false);
  });
});
