import type { Mutant } from "./mutant.ts";

const lockLease = "internal/lock-lease.sql";
const append = "worker-api/append-events.sql";
const finish = "worker-api/finish.sql";
const allLanes = "order by l.lane_id for no key update of l offset 0) q";
const isLive = "l.lease_expires_at > cowork.now() and w.status <> 'revoked' into";
const byToken = `select l.lane_id, ${isLive} v_lane_id, v_is_live
    from cowork.lanes l join cowork.workers w using (worker_id) where l.token_hash = v_hash;`;
const byAttempt = `select w.lane_id, true into v_lane_id, v_is_live from cowork.attempts a join cowork.work w using (work_id)
    where a.token_hash = v_hash;`;
const lock = "where l.lane_id = v_lane_id for no key update;";
const notRevoked = `
      and not exists (select from cowork.workers w where w.worker_id = lane.worker_id and w.status = 'revoked')`;
const check = `if lane.token_hash = v_hash and lane.lease_expires_at > cowork.now()${notRevoked}
    then`;
/** Not worth a lock where all lanes are taken at once. */
const unlocked = " and l.lease_expires_at > cowork.now()\n";

const bySomeone = (bug: string, condition: string): Mutant => ({
  bug,
  changes: [
    { file: lockLease, find: byToken, put: byAttempt },
    { file: lockLease, find: check, put: `if ${condition} then` },
  ],
  tests: ["worker-api/lease.test.ts"],
});

/** Who may write: lock_lease, and what each verb asks beyond it. */
export const fence: readonly Mutant[] = [
  bySomeone("no fence: whoever once held the lane may write", "lane.work_id is not null"),
  bySomeone(
    "the fence knows the owner and not the token",
    "lane.lease_expires_at > cowork.now() and lane.worker_id = (select a.worker_id from cowork.attempts a where a.token_hash = v_hash)",
  ),
  {
    bug: "the fence does not look at the lease's expiry",
    changes: [
      { file: lockLease, find: isLive, put: "w.status <> 'revoked' into" },
      { file: lockLease, find: " and lane.lease_expires_at > cowork.now()\n", put: "\n" },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "append_events does not look at the lease's expiry where it takes all lanes at once",
    changes: [
      { file: append, find: unlocked, put: "\n" },
      { file: append, find: " and (q.lane).lease_expires_at > cowork.now()\n", put: "\n" },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "finish does not look at the lease's expiry where it takes all lanes at once",
    changes: [
      { file: finish, find: unlocked, put: "\n" },
      { file: finish, find: " and (q.lane).lease_expires_at > cowork.now()\n", put: "\n" },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "append_events looks at lanes without their locks where it takes all at once",
    changes: [{ file: append, find: allLanes, put: "order by l.lane_id offset 0) q" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "finish looks at lanes without their locks where it takes all at once",
    changes: [{ file: finish, find: allLanes, put: "order by l.lane_id offset 0) q" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "append_events locks lanes in another order than everybody else",
    changes: [{ file: append, find: allLanes, put: "order by l.lane_id desc for no key update of l offset 0) q" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a lease that has expired may be renewed",
    changes: [
      { file: lockLease, find: isLive, put: "(l.lease_expires_at > cowork.now() or p_write_class = 'renewals') into" },
      {
        file: lockLease,
        find: "lane.lease_expires_at > cowork.now()\n",
        put: "(lane.lease_expires_at > cowork.now() or p_write_class = 'renewals')\n",
      },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "the fence is checked before the lock is held",
    changes: [
      { file: lockLease, find: lock, put: "where l.lane_id = v_lane_id;" },
      {
        file: lockLease,
        find: `${check}\n      return;`,
        put: `${check}\n      perform from cowork.lanes l ${lock}\n      return;`,
      },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "what a revoked worker holds counts until somebody ends it",
    changes: [
      { file: lockLease, find: isLive, put: "l.lease_expires_at > cowork.now() into" },
      { file: lockLease, find: notRevoked, put: "" },
    ],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "verbs run in transactions that see the world from before",
    changes: [{ file: "internal/must-read-committed.sql", find: "<> 'read committed'", put: "= 'none'" }],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "the fence takes no lock, so a sequence is taken from a row that others move",
    changes: [{ file: lockLease, find: lock, put: "where l.lane_id = v_lane_id;" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a refusal is raised, which takes its evidence with it",
    changes: [
      { file: lockLease, find: "  end if;\nend $$;", put: "  end if;\n  raise exception 'stale lease';\nend $$;" },
    ],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "a stale write leaves no evidence",
    changes: [{ file: lockLease, find: "  if found then\n    insert", put: "  if false then\n    insert" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "every repeat of a stale write leaves evidence anew",
    changes: [{ file: lockLease, find: " and not p_write_class = any (a.refused_classes)", put: "" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "a write after one's own finish counts as stale",
    changes: [{ file: lockLease, find: "v_attempt.outcome <> 'lost'", put: "v_attempt.outcome = 'none'" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "a token does not depend on the attempt",
    changes: [{ file: "internal/describe-lease.sql", find: "p_work_id || ':' || p_attempt", put: "p_work_id || ':'" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a paused worker may renew",
    changes: [
      {
        file: "worker-api/renew.sql",
        find: "('active', 'draining', 'unhealthy')",
        put: "('active', 'draining', 'unhealthy', 'paused')",
      },
    ],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "a paused worker is shown secrets",
    changes: [
      {
        file: "worker-api/reveal-secret.sql",
        find: "('active', 'draining', 'unhealthy')",
        put: "('active', 'draining', 'unhealthy', 'paused')",
      },
    ],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "a secret of whichever organisation is shown",
    changes: [{ file: "worker-api/reveal-secret.sql", find: "s.org_id = v_lane.org_id and ", put: "" }],
    tests: ["worker-api/reveal-secret.test.ts"],
  },
  {
    bug: "a checkpoint may name another tenant's objects",
    changes: [
      {
        file: "worker-api/save-checkpoint.sql",
        find: "  if p_checkpoint ->> 'manifestKey' is distinct from",
        put: "  if false and p_checkpoint ->> 'manifestKey' is distinct from",
      },
    ],
    tests: ["worker-api/verbs.test.ts"],
  },
  {
    bug: "two stale batches leave their evidence in the order they came, and deadlock",
    changes: [
      { file: "worker-api/append-events.sql", find: "nulls last, b.value ->> 'token', b.n", put: "nulls last, b.n" },
      { file: "worker-api/take-signals.sql", find: "nulls last, t.token, t.n", put: "nulls last, t.n" },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a batch takes its lanes one by one, and leaves evidence between two of them",
    changes: [
      { file: "worker-api/renew.sql", find: "perform internal.lock_lanes(p_tokens);", put: "" },
      { file: "worker-api/take-signals.sql", find: "perform internal.lock_lanes(p_tokens);", put: "" },
      { file: lockLease, find: "    if p_in_batch then", put: "    if false then" },
    ],
    tests: ["interleave/races.test.ts"],
  },
];
