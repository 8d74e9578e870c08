/**
 * The specification's classes of worker-produced writes, each with the one verb that performs it. A class without a
 * verb belongs to a capability that is not built yet, and has no other way in: the worker's database role may do nothing
 * but call these verbs.
 */
export const writeClasses = {
  events: "append_events",
  projections: "append_events",
  session_command_status: "finish",
  workflow_run_status: null,
  workflow_finalization: null,
  checkpoint_metadata: "save_checkpoint",
  artifact_metadata: "record_artifact",
  channel_deliveries: null,
  usage_records: "record_usage",
} as const satisfies Record<string, WorkerVerb | null>;

/** What fences each verb, and under which class its refusals leave evidence. A test finds a verb that forgets either. */
export const workerVerbs = {
  heartbeat: { fencedBy: "credential" },
  claim: { fencedBy: "credential" },
  renew: { fencedBy: "lease", evidence: "renewals" },
  append_events: { fencedBy: "lease", evidence: "events" },
  save_checkpoint: { fencedBy: "lease", evidence: "checkpoint_metadata" },
  record_artifact: { fencedBy: "lease", evidence: "artifact_metadata" },
  record_usage: { fencedBy: "lease", evidence: "usage_records" },
  reveal_secret: { fencedBy: "lease", evidence: "secret_reveals" },
  take_signals: { fencedBy: "lease", evidence: "signals" },
  finish: { fencedBy: "lease", evidence: "session_command_status" },
} as const satisfies Record<string, { fencedBy: "credential" } | { fencedBy: "lease"; evidence: string }>;

export type WorkerVerb = keyof typeof workerVerbs;
