import { z } from "zod";
import { heartbeatMs, leaseTimings, pollMs, recoveryMs, retention, unhealthyAfterMs } from "../timings.ts";
import { leavesOf, optional, section, setting } from "./setting.ts";

const port = (fallback: number, help: string) =>
  setting(z.number().int().min(1).max(65_535).default(fallback), { help });
const ms = (fallback: number, help: string) => setting(z.number().int().min(1).default(fallback), { help });

const tier = setting(z.enum(["development", "production"]).default("development"), {
  help: "production refuses everything that is only fit for development, such as running agents without a sandbox.",
});

const shutdownGraceMs = ms(30_000, "How long a service may take to finish in good order after SIGTERM.");

const databaseShape = (role: string) => ({
  url: setting(z.url({ protocol: /^postgres(ql)?$/ }), { help: `Postgres URL of the role ${role}.`, secret: true }),
  deadlineMs: ms(5_000, "A query that has no answer after this long fails; its connection is destroyed."),
  connections: setting(z.number().int().min(1).max(200).default(8), {
    help: "Most connections of the pool that serves requests.",
  }),
  transactionPooler: setting(z.boolean().default(false), {
    help: "true behind a transaction pooler: no prepared statements, no LISTEN; polling does the rest.",
  }),
});
const database = (role: string) => section(databaseShape(role));

const lease = section({
  ttlMs: setting(z.number().int().min(1_000).max(60_000).default(leaseTimings.ttlMs), {
    help: "How long a lease lasts without being renewed; the database grants a minute at most.",
  }),
  renewMs: ms(leaseTimings.renewMs, "How often a lease is renewed."),
  marginMs: ms(leaseTimings.marginMs, "The worker stops trusting its lease this long before it expires."),
});

const telemetry = section({
  logLevel: setting(z.enum(["debug", "info", "warn", "error"]).default("info"), {
    help: "Least severity that is logged.",
  }),
  otlpUrl: setting(z.url().optional(), {
    help: "Base URL of an OpenTelemetry collector (OTLP over HTTP); traces and metrics are sent there when set.",
  }),
});

const ops = (fallback: number) =>
  section({
    host: setting(z.string().default("127.0.0.1"), {
      help: "Address of the operator's port: /livez, /readyz, /metrics. Keep it private.",
    }),
    port: port(fallback, "The operator's port."),
  });

const kept = (fallback: number, help: string) => setting(z.number().int().min(1).default(fallback), { help });

const retained = section({
  feedHours: kept(
    retention.feedHours,
    "Hours that the feed of changes is kept; a reader away for longer reads its lists anew.",
  ),
  incarnationDays: kept(
    retention.incarnationDays,
    "Days that a worker's process is remembered after it was last heard.",
  ),
  signInDays: kept(
    retention.signInDays,
    "Days that used or expired sign-in links and ended browser sessions are kept.",
  ),
  heartbeatMonths: kept(retention.heartbeatMonths, "Whole months of heartbeats that are kept beside the current one."),
  usageMonths: kept(retention.usageMonths, "Whole months of usage records that are kept beside the current one."),
  auditMonths: kept(retention.auditMonths, "Whole months of sealed audit rows that are kept beside the current one."),
});

export const webConfig = z.strictObject({
  tier,
  host: setting(z.string().default("127.0.0.1"), { help: "Address that the web service listens on." }),
  port: port(4810, "Port of the web service."),
  publicUrl: setting(z.url().optional(), {
    help: "The address people open, when it is not http://HOST:PORT. Must be https unless it is loopback.",
  }),
  shutdownGraceMs,
  proxyHops: setting(z.number().int().min(0).max(10).default(0), {
    help: "How many reverse proxies of yours each request passes. Callers are told apart by what the outermost of them wrote into X-Forwarded-For; with 0 that header is not believed.",
  }),
  maxStreams: setting(z.number().int().min(1).default(2_000), {
    help: "Most event streams open at once in this process.",
  }),
  database: database("cowork_web"),
  telemetry,
  ops: ops(4811),
});
export type WebConfig = z.output<typeof webConfig>;

export const schedulerConfig = z.strictObject({
  tier,
  shutdownGraceMs,
  recoveryMs: ms(recoveryMs, "How often expired leases are taken back and due work is promoted."),
  lease,
  unhealthyAfterMs: ms(unhealthyAfterMs, "No heartbeat for this long makes an active worker unhealthy."),
  retention: retained,
  database: database("cowork_scheduler"),
  telemetry,
  ops: ops(4812),
});

const model = {
  baseUrl: setting(z.url(), { help: "Base URL of an OpenAI-compatible model provider, up to and including /v1." }),
  apiKey: setting(z.string().optional(), {
    help: "The provider's key. It stays in the worker; the agent never sees it.",
    secret: true,
  }),
  id: setting(z.string().default("demo"), { help: "The model to ask for." }),
};

export const workerConfig = z.strictObject({
  tier,
  root: setting(z.string().default(".open-cowork"), {
    help: "Where data lives; the worker keeps its sessions in worker/ below it.",
  }),
  shutdownGraceMs,
  workerId: setting(z.uuid(), { help: "The enrolled identity of this worker." }),
  workerCredential: setting(z.string().min(20), { help: "The worker's one-time credential.", secret: true }),
  lanes: setting(z.number().int().min(1).max(100).default(4), {
    help: "How many sessions may run at once in this worker.",
  }),
  pollMs: ms(pollMs, "How often to look for work when no notification came (± 20 %)."),
  heartbeatMs: ms(heartbeatMs, "How often the worker reports itself."),
  lease,
  sandbox: setting(z.enum(["auto", "bubblewrap", "none"]).default("auto"), {
    help: "How agents are confined. auto: by bubblewrap where it works. none: not at all, development only; their shell is then denied.",
  }),
  sandboxFirstUid: setting(z.number().int().min(1_000).max(4_000_000_000).default(200_000), {
    help: "A worker started as root runs each session as a uid of its own: one of the 10,000 from here on, which nothing else on the machine may use.",
  }),
  runtime: section({
    startMs: ms(60_000, "OpenCode must be ready within this long."),
    silentMs: ms(120_000, "A turn in which OpenCode shows no progress for this long is ended."),
    idleMs: ms(300_000, "An OpenCode process that nobody uses for this long is ended."),
    spares: setting(z.number().int().min(0).max(20).default(1), {
      help: "How many OpenCode processes stand by, warmed up, for new sessions; each takes about 500 MB.",
    }),
  }),
  limits: section({
    memoryMb: setting(z.number().int().min(512).default(2_048), {
      help: "Most memory of one session, OpenCode and all that the agent runs together; what takes more is ended.",
    }),
    tasks: setting(z.number().int().min(64).default(512), { help: "Most processes and threads of one session." }),
    budgetMb: setting(z.number().int().min(128).default(700), {
      help: "What a session is expected to take: no work is claimed while less than this is free for it.",
    }),
    reserveMb: setting(z.number().int().min(0).default(512), {
      help: "Memory that is left free for everything else on the machine.",
    }),
  }),
  model: section(model),
  database: database("cowork_worker"),
  telemetry,
  ops: ops(4813),
});
export type WorkerConfig = z.output<typeof workerConfig>;

const workerDatabase = databaseShape("cowork_worker");

/** What `cowork-worker check` reads: the worker's own settings, where those that name its plane may be missing. */
export const workerCheckConfig = z.strictObject({
  ...workerConfig.shape,
  workerId: optional(workerConfig.shape.workerId),
  workerCredential: optional(workerConfig.shape.workerCredential),
  model: section({ ...model, baseUrl: optional(model.baseUrl) }),
  database: section({ ...workerDatabase, url: optional(workerDatabase.url) }),
});
export type WorkerCheckConfig = z.output<typeof workerCheckConfig>;

export const startConfig = z.strictObject({
  root: setting(z.string().default(".open-cowork"), { help: "Where the data of `pnpm start` lives." }),
  port: port(4810, "Port of the web service; the embedded parts use free ports of their own."),
  databaseUrl: setting(z.url({ protocol: /^postgres(ql)?$/ }).optional(), {
    help: "Postgres 15 or newer to use instead of the embedded one: the URL of a role that may create roles and owns the database.",
    secret: true,
    env: "DATABASE_URL",
  }),
});
export type StartConfig = z.output<typeof startConfig>;

/** Every schema with the command that reads it; --help, docs/configuration.md and the check for unknown names use it. */
export const services = {
  start: { schema: startConfig, about: "`pnpm start`: the whole plane on one machine." },
  web: { schema: webConfig, about: "The door: HTTP API, event streams, pages." },
  scheduler: { schema: schedulerConfig, about: "The clock: promotion, lease recovery, worker health." },
  worker: { schema: workerConfig, about: "The hands: claims work and runs OpenCode." },
} as const;

export const knownEnv: ReadonlySet<string> = new Set(
  Object.values(services).flatMap(({ schema }) =>
    leavesOf(schema).flatMap((leaf) => (leaf.meta.secret ? [leaf.env, `${leaf.env}_FILE`] : [leaf.env])),
  ),
);
