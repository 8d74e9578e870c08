import type { Mutant } from "./mutant.ts";

const decide = "internal/decide.sql";
const tests = ["decisions/decisions.test.ts"];

/** What agents ask people: who may decide, when, and how often. */
export const asks: readonly Mutant[] = [
  {
    bug: "an ask whose time is up can still be approved",
    changes: [{ file: decide, find: "or v_decision.status = 'open' and v_decision.expires_at <= v_now", put: "" }],
    tests,
  },
  {
    bug: "an ask of an attempt that lost its lease can be approved",
    changes: [{ file: decide, find: "or v_lane.lease_expires_at <= v_now", put: "" }],
    tests,
  },
  {
    bug: "a viewer decides",
    changes: [{ file: decide, find: "v_role is null or v_role = 'viewer'", put: "v_role is null" }],
    tests,
  },
  {
    bug: "a decision leaves no evidence",
    changes: [{ file: decide, find: "'decision_made', p_status, case", put: "'session_stopped', p_status, case" }],
    tests,
  },
  {
    bug: "a decision does not reach the holder of the lease",
    changes: [
      {
        file: decide,
        find: "if p_lane.work_id = p_decision.work_id and p_lane.attempt = p_decision.attempt then",
        put: "if false then",
      },
    ],
    tests,
  },
  {
    bug: "asks stay open when their attempt ends",
    changes: [
      {
        file: "internal/end-attempt.sql",
        find: "if exists (select from cowork.decisions d where",
        put: "if false and exists (select from cowork.decisions d where",
      },
    ],
    tests,
  },
  {
    bug: "a decision that the runtime has taken is told again for ever",
    changes: [
      { file: "internal/record-asks.sql", find: "where s.signal_id = a.decision_id and", put: "where false and" },
    ],
    tests,
  },
];
