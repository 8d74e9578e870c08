/**
 * The catalog of every instrument. Telemetry creates instruments from these rows and in no other way, so a dashboard
 * or an alert can name nothing that is not emitted. Labels are closed sets: never an id, never text of a person.
 */
interface MetricRow {
  kind: "counter" | "histogram" | "gauge";
  unit: "s" | "By" | "1";
  help: string;
  labels: readonly string[];
  /** Which roles emit it. */
  roles: readonly Role[];
  buckets?: readonly number[];
}

export type Role = "web" | "scheduler" | "worker";

const fast = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10] as const;
const slow = [0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800] as const;

export const metrics = {
  cowork_http_request_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["web"],
    labels: ["route", "method", "status"],
    help: "Time from a request's arrival to its answer's first byte.",
  },
  cowork_streams_open: {
    kind: "gauge",
    unit: "1",
    roles: ["web"],
    labels: [],
    help: "Event streams open in this process.",
  },
  cowork_stream_lag_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["web"],
    labels: [],
    help: "From an event's commit time to its frame being written to a subscriber.",
  },
  cowork_db_query_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["web", "scheduler", "worker"],
    labels: ["pool", "outcome"],
    help: "Time of one database query or verb, waiting for a connection included.",
  },
  cowork_refusals_total: {
    kind: "counter",
    unit: "1",
    roles: ["web", "worker"],
    labels: ["reason"],
    help: "Refusals, by reason code.",
  },
  cowork_queue_depth: {
    kind: "gauge",
    unit: "1",
    roles: ["scheduler"],
    labels: ["status"],
    help: "Work that is queued, ready, leased or parked.",
  },
  cowork_queue_age_seconds_max: {
    kind: "gauge",
    unit: "s",
    roles: ["scheduler"],
    labels: [],
    help: "Age of the oldest work that is ready and not claimed.",
  },
  cowork_leases_recovered_total: {
    kind: "counter",
    unit: "1",
    roles: ["scheduler"],
    labels: ["decision"],
    help: "Expired leases taken back, by what was decided about the work.",
  },
  cowork_promotions_by_tick_total: {
    kind: "counter",
    unit: "1",
    roles: ["scheduler"],
    labels: [],
    help: "Work that only the tick promoted. Anything but zero is a defect: enqueue and finish promote at once.",
  },
  cowork_stuck_backends_ended_total: {
    kind: "counter",
    unit: "1",
    roles: ["scheduler"],
    labels: [],
    help: "Worker connections that sat in a transaction and were ended.",
  },
  cowork_audit_rows_sealed_total: {
    kind: "counter",
    unit: "1",
    roles: ["scheduler"],
    labels: [],
    help: "Audit rows chained by the sealer.",
  },
  cowork_role_settings_altered: {
    kind: "gauge",
    unit: "1",
    roles: ["scheduler"],
    labels: [],
    help: "Settings of the services' database roles that set-up did not make. Anything but zero: somebody with a service's login made them.",
  },
  cowork_house_rows_removed_total: {
    kind: "counter",
    unit: "1",
    roles: ["scheduler"],
    labels: ["kind"],
    help: "What the housekeeping removed, by kind; of partitions it counts whole months.",
  },
  cowork_workers: {
    kind: "gauge",
    unit: "1",
    roles: ["scheduler"],
    labels: ["status"],
    help: "Enrolled workers by status.",
  },
  cowork_claim_wait_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["worker"],
    labels: [],
    help: "From work becoming ready to its claim.",
  },
  cowork_attempt_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: slow,
    roles: ["worker"],
    labels: ["outcome"],
    help: "The life of one lease, from claim to finish.",
  },
  cowork_attempts_active: {
    kind: "gauge",
    unit: "1",
    roles: ["worker"],
    labels: [],
    help: "Leases this process holds.",
  },
  cowork_runtime_start_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: slow,
    roles: ["worker"],
    labels: ["outcome"],
    help: "From spawning OpenCode to its first healthy answer.",
  },
  cowork_runtimes: {
    kind: "gauge",
    unit: "1",
    roles: ["worker"],
    labels: ["state"],
    help: "OpenCode processes of this worker: busy with a lease, idle after one, warm for the next session, or starting.",
  },
  cowork_events_appended_total: {
    kind: "counter",
    unit: "1",
    roles: ["worker"],
    labels: [],
    help: "Events appended under a lease.",
  },
  cowork_event_append_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["worker"],
    labels: [],
    help: "From the oldest event of a batch being read from OpenCode to the batch's commit.",
  },
  cowork_prompt_accept_seconds: {
    kind: "histogram",
    unit: "s",
    buckets: fast,
    roles: ["worker"],
    labels: ["runtime"],
    help: "From a claim to OpenCode taking its prompt: with a live runtime, a warm one, or a cold start.",
  },
  cowork_broker_requests_total: {
    kind: "counter",
    unit: "1",
    roles: ["worker"],
    labels: ["outcome"],
    help: "Model requests that passed the broker.",
  },
  cowork_process_resident_bytes: {
    kind: "gauge",
    unit: "By",
    roles: ["web", "scheduler", "worker"],
    labels: [],
    help: "Resident memory of this process.",
  },
  cowork_event_loop_lag_seconds: {
    kind: "gauge",
    unit: "s",
    roles: ["web", "scheduler", "worker"],
    labels: [],
    help: "99th percentile of event loop delay since the last scrape.",
  },
} as const satisfies Record<string, MetricRow>;

export type MetricName = keyof typeof metrics;
export type LabelsOf<M extends MetricName> = Record<(typeof metrics)[M]["labels"][number], string>;
