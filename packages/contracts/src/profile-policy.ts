import { z } from "zod";
import { decisionWait } from "./timings.ts";

/**
 * What a profile lets its agents do. It can only ask for less than the sandbox permits: what an unconfined agent may
 * never do stays denied whatever stands here.
 */
const rule = z.strictObject({
  /** OpenCode's name of the permission: edit, bash, webfetch, question, …; `*` is each of them. */
  permission: z.string().min(1).max(100),
  /** What it is about, with `*` and `?`: a command, a path, a host. */
  pattern: z.string().min(1).max(500).default("*"),
  action: z.enum(["allow", "ask", "deny"]),
});

export const ProfilePolicy = z.strictObject({
  /** The last rule that matches wins, as in OpenCode. A list, because the database does not keep the order of keys. */
  permissions: z.array(rule).max(200).default([]),
  /** How long an approval or a question waits for a person. */
  decisionWaitMs: z.number().int().min(decisionWait.leastMs).max(decisionWait.mostMs).default(decisionWait.defaultMs),
});
export type PermissionRule = z.infer<typeof rule>;
export type ProfilePolicy = z.infer<typeof ProfilePolicy>;

/** The profiles that every organisation starts with. */
export const firstProfiles = [
  { name: "default", about: "Works alone inside its sandbox.", policy: {} },
  {
    name: "careful",
    about: "Asks before it runs a command or changes a file.",
    policy: {
      permissions: [
        { permission: "bash", action: "ask" },
        { permission: "edit", action: "ask" },
      ],
    },
  },
] as const satisfies ReadonlyArray<{ name: string; about: string; policy: z.input<typeof ProfilePolicy> }>;
