import type { Mutant } from "./mutant.ts";

/** What is kept, for how long, and what a repeat may say. */
export const keeping: readonly Mutant[] = [
  {
    bug: "what was restored and saved again counts as progress",
    changes: [{ file: "worker-api/save-checkpoint.sql", find: "    if not v_known then\n", put: "    if true then\n" }],
    tests: ["leases/recovery.test.ts"],
  },
  {
    bug: "a usage key that comes back with another amount is dropped",
    changes: [
      { file: "worker-api/record-usage.sql", find: " or bool_or(u.amount <> (r ->> 'amount')::bigint))", put: ")" },
    ],
    tests: ["worker-api/verbs.test.ts"],
  },
  {
    bug: "a key of any provider is shown",
    changes: [{ file: "worker-api/reveal-secret.sql", find: " and r.provider = p_provider", put: "" }],
    tests: ["worker-api/reveal-secret.test.ts"],
  },
  {
    bug: "a reader of the feed is not told what it missed",
    changes: [
      {
        file: "internal/keep-house.sql",
        find: "    update cowork.plane p set feed_forgotten = greatest(p.feed_forgotten, v_forgotten);\n",
        put: "    null;\n",
      },
    ],
    tests: ["house/keep-house.test.ts"],
  },
  {
    bug: "leftover deltas go without the event that they fold to",
    changes: [{ file: "internal/settle-part.sql", find: "  if p_body is not null then\n", put: "  if false then\n" }],
    tests: ["house/keep-house.test.ts"],
  },
];
