import type { Change, Mutant } from "./mutant.ts";

const claim = "worker-api/claim.sql";
const claimLock = "limit v_limit - jsonb_array_length(v_given) for no key update of l skip locked) c;";
const promote = "internal/promote-lane.sql";
const end = "internal/end-attempt.sql";
const enqueue = "internal/enqueue-prompt.sql";

const newHeadsOnly: Change = {
  file: enqueue,
  find: "  perform internal.promote_lanes(array[v_lane.lane_id]);",
  put: "  if v_ahead.live = 0 then\n    perform internal.promote_lanes(array[v_lane.lane_id]);\n  end if;",
};

/** Who gets work, when, and how often: claim, promotion, recovery, workers. */
export const queue: readonly Mutant[] = [
  {
    bug: "claim takes work without the lane's lock",
    changes: [{ file: claim, find: claimLock, put: "limit v_limit - jsonb_array_length(v_given)) c;" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "claim waits for lanes that others hold",
    changes: [
      { file: claim, find: claimLock, put: "limit v_limit - jsonb_array_length(v_given) for no key update of l) c;" },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "claim does not look at the worker's state",
    changes: [{ file: claim, find: "v_worker.status <> 'active' or ", put: "" }],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "claim does not look whether the process drains",
    changes: [{ file: claim, find: " or v_incarnation.draining then", put: " then" }],
    tests: ["worker-api/claim.test.ts"],
  },
  {
    bug: "claim looks at the worker without its lock, and a revoke misses what is claimed",
    changes: [{ file: claim, find: " for share;", put: ";" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "a claim repeated while the first one runs gets other work",
    changes: [
      { file: claim, find: "  perform pg_advisory_xact_lock(hashtextextended(v_request_hash, 0));\n", put: "" },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "enqueue looks in the statement that locks, and loses the wake-up of a finish",
    changes: [
      {
        file: enqueue,
        find: "  select l.* into v_lane from cowork.lanes l\n    where",
        put: `  select (select count(*) from cowork.work w where w.lane_id = l.lane_id and w.status in ('queued', 'ready')) as waiting,
      (select count(*) from cowork.work w where w.lane_id = l.lane_id and w.status in ('queued', 'ready', 'leased', 'parked')) as live
    into v_ahead from cowork.lanes l where l.org_id = p_org_id and l.session_id = p_session_id for no key update;
  select l.* into v_lane from cowork.lanes l\n    where`,
      },
      {
        file: enqueue,
        find: `  select count(*) filter (where w.status in ('queued', 'ready')) as waiting, count(*) as live into v_ahead
    from cowork.work w where w.lane_id = v_lane.lane_id and w.status in ('queued', 'ready', 'leased', 'parked');
`,
        put: "",
      },
      newHeadsOnly,
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "enqueue promotes a new head only, and room that was freed meanwhile stays free",
    changes: [newHeadsOnly],
    tests: ["work/quotas.test.ts", "interleave/races.test.ts"],
  },
  {
    bug: "promotion waits for other lanes while it holds the tenant's row",
    changes: [
      {
        file: "internal/promote-tenant.sql",
        find: "for no key update of l skip locked) c;",
        put: "for no key update of l) c;",
      },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "promotion counts the tenant's room without its row's lock",
    changes: [
      {
        file: promote,
        find: "where t.org_id = v_heads[1].org_id for no key update;",
        put: "where t.org_id = v_heads[1].org_id;",
      },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "promotion forgets the quota",
    changes: [
      {
        file: promote,
        find: "v_room := internal.quota(v_tenant.org_id, 'concurrent_sessions') - v_tenant.promoted;",
        put: "v_room := 1000000;",
      },
    ],
    tests: ["work/quotas.test.ts"],
  },
  {
    bug: "promotion gives no fair tag",
    changes: [
      {
        file: promote,
        find: "least(greatest(v_tenant.last_tag + 1 / v_tenant.weight, v_floor),",
        put: "least(v_floor,",
      },
    ],
    tests: ["work/fairness.test.ts"],
  },
  {
    bug: "floors rise beside a promotion that has not committed",
    changes: [
      {
        file: "internal/raise-floors.sql",
        find: "    continue when not pg_try_advisory_xact_lock(7482102, v_route.route_id);\n",
        put: "",
      },
    ],
    tests: ["work/floors.test.ts"],
  },
  {
    bug: "finish gives the room it leaves to no other lane",
    changes: [
      {
        file: end,
        find: "perform internal.promote_tenant(v_org.org_id, ",
        put: "perform internal.promote_tenant(null, ",
      },
    ],
    tests: ["work/quotas.test.ts"],
  },
  {
    bug: "finish forgets what waits behind it",
    changes: [{ file: end, find: "perform internal.promote_lanes(v_org.lane_ids);", put: "null;" }],
    tests: ["worker-api/lease.test.ts"],
  },
  {
    bug: "the end of an attempt does not give back its tenant's room",
    changes: [{ file: end, find: "set promoted = t.promoted - v_org.ended, waiting", put: "set waiting" }],
    tests: ["work/quotas.test.ts"],
  },
  {
    bug: "calls that end work of several organisations lock their rows in any order",
    changes: [{ file: end, find: "group by o.org_id order by o.org_id", put: "group by o.org_id order by min(o.n)" }],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "strikes are not counted",
    changes: [{ file: end, find: "then 1 else 0 end as strikes", put: "then 0 else 0 end as strikes" }],
    tests: ["leases/recovery.test.ts"],
  },
  {
    bug: "work that always progresses and then kills its worker lives for ever",
    changes: [{ file: "internal/caps.sql", find: "$$ select 20 $$", put: "$$ select 2000000 $$" }],
    tests: ["leases/recovery.test.ts"],
  },
  {
    bug: "recovery does not look again under the lock",
    changes: [
      {
        file: "internal/recover-lease.sql",
        find: "  if v_lane.lease_expires_at > cowork.now() then",
        put: "  if false then",
      },
    ],
    tests: ["interleave/races.test.ts"],
  },
  {
    bug: "recovery waits for lanes that others hold",
    changes: [
      { file: "internal/recover-lease.sql", find: " for no key update skip locked;", put: " for no key update;" },
    ],
    tests: ["leases/recovery.test.ts"],
  },
  {
    bug: "a heartbeat that is older than the last one counts",
    changes: [
      {
        file: "worker-api/heartbeat.sql",
        find: " and i.heartbeat_seq < excluded.heartbeat_seq;",
        put: " and i.heartbeat_seq <> excluded.heartbeat_seq;",
      },
    ],
    tests: ["workers/health.test.ts"],
  },
  {
    bug: "a heartbeat of a revoked worker is accepted",
    changes: [
      { file: "worker-api/heartbeat.sql", find: " or v_worker.status in ('retired', 'revoked') then", put: " then" },
    ],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "a heartbeat overrules a person",
    changes: [{ file: "worker-api/heartbeat.sql", find: " and w.status_by = 'plane'", put: "" }],
    tests: ["workers/health.test.ts"],
  },
  {
    bug: "revoking leaves the worker its leases",
    changes: [
      {
        file: "internal/revoke-worker.sql",
        find: "      if v_lanes is not null then\n",
        put: "      if false then\n",
      },
    ],
    tests: ["workers/pause-and-revoke.test.ts"],
  },
  {
    bug: "work moves from any state to any other",
    changes: [
      {
        file: "migrations/0003_wishes.sql",
        find: "create trigger guard_move before update of status on cowork.work\n  for each row when (old.status is distinct from new.status)",
        put: "create trigger guard_move before update of status on cowork.work\n  for each row when (false)",
      },
    ],
    tests: ["workers/move-worker.test.ts"],
  },
  {
    bug: "a dead letter that two people retry lives twice",
    changes: [
      {
        file: "internal/dead-letters.sql",
        find: "  if not exists (select from cowork.work w where w.work_id = p_work_id and w.status = 'dead') then\n    return 'not_dead';\n  end if;\n",
        put: "",
      },
    ],
    tests: ["dead-letters/dead-letters.test.ts"],
  },
  {
    bug: "the tick does not look for heads that nobody marked",
    changes: [{ file: "internal/promote-due.sql", find: "internal.mend_heads(100)", put: "'{}'" }],
    tests: ["work/quotas.test.ts"],
  },
  {
    bug: "a worker is called unhealthy although a new process of it reports",
    changes: [
      { file: "internal/mark-unhealthy.sql", find: "for update skip locked;", put: "for no key update skip locked;" },
    ],
    tests: ["interleave/races.test.ts"],
  },
];
