import type { Mutant } from "./mutant.ts";

const append = "worker-api/append-events.sql";
const finish = "worker-api/finish.sql";
const parts = "internal/append-under-lease.sql";
const rights = "migrations/0007_rights.sql";

/** What is written and who may read it: events, repeats, evidence, rights. */
export const facts: readonly Mutant[] = [
  {
    bug: "the sequence is not moved on",
    changes: [{ file: append, find: "set next_seq = l.next_seq + u.count, last_batch_no", put: "set last_batch_no" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "batches are taken in any order",
    changes: [
      { file: append, find: "q.batch_no = (q.lane).last_batch_no + 1", put: "q.batch_no > (q.lane).last_batch_no" },
      {
        file: append,
        find: "v_batch_no <> v_lane.last_batch_no + 1 then",
        put: "v_batch_no <= v_lane.last_batch_no then",
      },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "a repeated batch is written again",
    changes: [
      { file: append, find: "q.batch_no = (q.lane).last_batch_no + 1", put: "q.batch_no >= (q.lane).last_batch_no" },
      { file: append, find: "last_batch_no = l.last_batch_no + 1,", put: "last_batch_no = 1," },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "a repeated finish does not find its answer",
    changes: [{ file: finish, find: "where v_held.reason = 'lease_ended' and", put: "where false and" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "finish leaves the lease where it was",
    changes: [
      {
        file: "internal/end-attempt.sql",
        find: "from ended e where l.lane_id = e.lane_id",
        put: "from ended e where false",
      },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "the deltas of a finished part stay",
    changes: [{ file: parts, find: "and d.type = 'message.part.delta' offset", put: "and d.type = 'none' offset" }],
    tests: ["events/read-model.test.ts"],
  },
  {
    bug: "a newer state of a part does not replace the older one",
    changes: [{ file: parts, find: "set body = excluded.body,", put: "set body = p.body," }],
    tests: ["events/read-model.test.ts"],
  },
  {
    bug: "a worker may state the plane's own facts",
    changes: [{ file: parts, find: " where t.producer = 'runtime';", put: ";" }],
    tests: ["worker-api/bad-input.test.ts"],
  },
  {
    bug: "usage that is reported again after a lost answer counts twice",
    changes: [
      {
        file: "worker-api/record-usage.sql",
        find: "  select a.claimed_at into v_at from cowork.attempts a where a.work_id = v_lane.work_id and a.attempt = v_lane.attempt;\n",
        put: "  v_at := cowork.now();\n",
      },
    ],
    tests: ["worker-api/verbs.test.ts"],
  },
  {
    bug: "checkpoints add their packs in the order they came, and deadlock",
    changes: [{ file: "worker-api/save-checkpoint.sql", find: " k order by k ->> 'sha256'\n", put: " k\n" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a route that two make at once is updated, which crosses whoever raises the floors",
    changes: [
      {
        file: "internal/route.sql",
        find: "do nothing returning route_id into v_route_id;",
        put: "do update set provider = excluded.provider returning route_id into v_route_id;",
      },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "the answers of a batch come in the order of locks",
    changes: [{ file: "src/database/verb-row.ts", find: "byIndex.get(n + 1)", put: "[...byIndex.values()][n]" }],
    tests: ["worker-api/every-verb.test.ts", "worker-api/lease.test.ts"],
  },
  {
    bug: "a batch may have any size",
    changes: [
      { file: "src/worker-api/append-events.ts", find: "<= limits.batchBytes", put: "<= Number.MAX_SAFE_INTEGER" },
    ],
    tests: ["worker-api/bad-input.test.ts"],
  },
  {
    bug: "what waits for its turn behind a running transaction is told too early, and what it hides never",
    changes: [
      {
        file: "src/feed/read-feed.ts",
        find: "and f.xid < pg_snapshot_xmin(pg_current_snapshot())",
        put: "and f.xid < pg_snapshot_xmax(pg_current_snapshot())",
      },
    ],
    tests: ["feed/feed.test.ts"],
  },
  {
    bug: "the sealer seals what a running transaction may still write to",
    changes: [
      {
        file: "src/audit/seal-audit.ts",
        find: "select pg_snapshot_xmin(pg_current_snapshot())::text as to",
        put: "select pg_snapshot_xmax(pg_current_snapshot())::text as to",
      },
    ],
    tests: ["audit/audit.test.ts"],
  },
  {
    bug: "the verifier counts rows and does not read them",
    changes: [{ file: "src/audit/verify-audit.ts", find: "rowsHash === seal.rows_sha256 && ", put: "" }],
    tests: ["audit/audit.test.ts"],
  },
  {
    bug: "a sign-in link works again and again",
    changes: [{ file: "web-api/use-sign-in-link.sql", find: " and l.used_at is null", put: "" }],
    tests: ["identity/sign-in.test.ts"],
  },
  {
    bug: "row-level security shows every organisation's rows",
    changes: [
      {
        file: rights,
        find: "'create policy tenant on cowork.%I to cowork_web using (org_id = nullif(current_setting(''cowork.org_id'', true), '''')::uuid)'",
        put: "'create policy tenant on cowork.%I to cowork_web using (true)'",
      },
    ],
    tests: ["database/roles.test.ts"],
  },
  {
    bug: "the worker's role may read a table",
    changes: [
      {
        file: rights,
        find: "revoke all on schema cowork from public;\n",
        put: "revoke all on schema cowork from public;\ngrant select on cowork.session_events to cowork_worker;\n",
      },
    ],
    tests: ["database/roles.test.ts"],
  },
  {
    bug: "everybody may call the inner functions",
    changes: [
      {
        file: rights,
        find: "alter default privileges for role cowork_api revoke execute on functions from public;\n",
        put: "",
      },
    ],
    tests: ["database/roles.test.ts"],
  },
  {
    bug: "refusals of nobody's leave a row each",
    changes: [
      { file: "internal/note-refusal.sql", find: "if v_of_source >= internal.most_refusals_of_source() or", put: "if" },
    ],
    tests: ["audit/unattributed.test.ts"],
  },
];
