/**
 * The specification's classes of worker-produced writes, each with the one verb that performs it. A class without a
 * verb is not built yet and has no other way in: the worker's database role may do nothing but call these verbs.
 */
export const writeClasses = {
  events: "append_events",
  projections: "append_events",
  session_command_status: "finish",
  workflow_run_status: null,
  workflow_finalization: null,
  checkpoint_metadata: null,
  artifact_metadata: null,
  channel_deliveries: null,
  usage_records: null,
} as const satisfies Record<string, WorkerVerb | null>;

export const workerVerbs = {
  heartbeat: { fencedBy: "credential" },
  claim: { fencedBy: "credential" },
  renew: { fencedBy: "lease" },
  append_events: { fencedBy: "lease" },
  finish: { fencedBy: "lease" },
} as const satisfies Record<string, { fencedBy: "credential" | "lease" }>;

export type WorkerVerb = keyof typeof workerVerbs;
