import { join } from "node:path";
import { within } from "@open-cowork/contracts/clock";
import { boundLogs, lastLines, rotateLog } from "./log-file.ts";
import { openPlaneDatabase, type PlaneDatabase } from "./plane-database.ts";
import { startPart, type Running } from "./part-process.ts";
import { choosePort, whyNotFree } from "./ports.ts";
import type { Progress } from "./progress.ts";
import { waitUntilReady } from "./ready.ts";
import { Registry, type PartName } from "./registry.ts";
import { StartRefused } from "./refusal.ts";
import { inheritedEnv, type ServiceName, type Settings } from "./settings.ts";
import { supervise, type Supervised } from "./supervise.ts";

/** The worker starts an OpenCode before it is ready, which has a minute of its own for that. */
const readyMs = 120_000;
/** Something passing may end a part once; who ends this often before the first answer won't get there. */
const crashesWhileStarting = 3;
const startSettlesMs = 30_000;
const parts = ["postgres", "model", "web", "scheduler", "worker"] as const satisfies PartName[];
/** What a service exits with when only a person can help: its configuration, or its own check of the database. */
const hopelessExits = [2, 3];

export interface PlaneContext {
  root: string;
  repository: string;
  settings: Settings;
  env: Record<string, string | undefined>;
  progress: Progress;
  stopping: AbortController;
}

/** Everything `pnpm start` runs, from nothing to ready, and down again in order. */
export class Plane {
  readonly #context: PlaneContext;
  readonly #registry: Registry;
  readonly #running = new Map<PartName, Supervised>();
  readonly #logs: Record<PartName, string>;
  #started: Promise<unknown> = Promise.resolve();

  constructor(context: PlaneContext) {
    this.#context = context;
    this.#registry = new Registry(context.root);
    const logs = parts.map((name) => [name, join(context.root, "logs", `${name}.log`)]);
    this.#logs = {
      ...(Object.fromEntries(logs) as Record<PartName, string>),
      postgres: join(context.root, "postgres", "postgres.log"),
    };
  }

  /** Resolves with a sign-in link once every service answers. */
  start(): Promise<{ signInUrl: string }> {
    const started = this.#bringUp();
    this.#started = started;
    return started;
  }

  async #bringUp(): Promise<{ signInUrl: string }> {
    const { progress, root, settings } = this.#context;
    const orphans = await this.#registry.endOrphans();
    if (orphans.length > 0) progress.note(`ended what an earlier start left behind: ${orphans.join(", ")}`);
    await this.#refuseBusyPort();
    for (const name of parts) if (name !== "postgres") rotateLog(this.#logs[name]);
    boundLogs(Object.values(this.#logs));

    const own = settings.forService.worker["OPEN_COWORK_CLOUD_MODEL_BASE_URL"];
    const model = own ? Promise.resolve(own) : this.#startModel();
    const database = openPlaneDatabase({
      root,
      databaseUrl: settings.start.databaseUrl,
      progress,
      keep: (launch) => this.#keep("postgres", launch),
      onSpawn: (pid) => this.#registry.record("postgres", pid),
      onExit: (pid) => this.#registry.forget("postgres", pid),
    });
    const [modelUrl, { urls, worker, signInToken }] = await this.#together([model, database]);

    await this.#together([
      this.#startService("web", urls, { OPEN_COWORK_CLOUD_PORT: String(settings.start.port) }),
      this.#startService("scheduler", urls, {}),
      this.#startService("worker", urls, {
        OPEN_COWORK_CLOUD_ROOT: root,
        OPEN_COWORK_CLOUD_MODEL_BASE_URL: modelUrl,
        OPEN_COWORK_CLOUD_WORKER_ID: worker.id,
        OPEN_COWORK_CLOUD_WORKER_CREDENTIAL: worker.credential,
      }),
    ]);
    return { signInUrl: `${planeUrl(settings)}/sign-in?token=${signInToken}` };
  }

  /** Waits for all; the first failure makes the others give up, and is the one that is thrown. */
  async #together<T extends unknown[]>(work: { [K in keyof T]: Promise<T[K]> }): Promise<T> {
    try {
      return await Promise.all(work);
    } catch (error) {
      this.#context.stopping.abort();
      await Promise.allSettled(work);
      throw error;
    }
  }

  /** Services first, then what they drain into. */
  async stop(): Promise<void> {
    this.#context.stopping.abort();
    // A start in full flight must come to its end first, or it would start more behind our back.
    await within(startSettlesMs, "the start", this.#started).catch(() => {});
    const grace = (name: ServiceName) =>
      Number(this.#context.settings.forService[name]["OPEN_COWORK_CLOUD_SHUTDOWN_GRACE_MS"] ?? 30_000) + 5_000;
    await Promise.all(
      (["web", "scheduler", "worker"] as const).map(async (name) => this.#running.get(name)?.stop(grace(name))),
    );
    await this.#running.get("model")?.stop(5_000);
    await this.#running.get("postgres")?.stop(15_000);
  }

  /** Without asking: for a second Ctrl-C. */
  kill(): void {
    this.#registry.killAll();
  }

  async #refuseBusyPort(): Promise<void> {
    const { port } = this.#context.settings.start;
    const problem = await whyNotFree(port, this.#context.settings.forService.web["OPEN_COWORK_CLOUD_HOST"]);
    if (problem === null) return;
    const why = problem === "EADDRINUSE" ? "is taken by another program" : `can't be used (${problem})`;
    throw new StartRefused(`port ${port} ${why}: set OPEN_COWORK_CLOUD_PORT to a free one`);
  }

  async #startModel(): Promise<string> {
    const { progress, repository, env } = this.#context;
    const port = await choosePort();
    const baseUrl = `http://127.0.0.1:${port}/v1`;
    const args = [join(repository, "packages/testkit/src/scripted-model/main.ts"), "--port", String(port)];
    await progress.step("demo model (scripted: no key, no network)", async () => {
      await this.#keep("model", async () => this.#spawn("model", args, inheritedEnv(env)));
      await this.#becomesReady("model", `${baseUrl}/models`);
    });
    return baseUrl;
  }

  async #startService(name: ServiceName, urls: PlaneDatabase["urls"], given: Record<string, string>): Promise<void> {
    const { progress, repository, root, settings, env } = this.#context;
    const opsPort = await choosePort();
    const serviceEnv = {
      ...inheritedEnv(env),
      // Compiled code is kept from start to start: a service is ready in half the time, and 25 MB smaller, because it
      // doesn't load what strips the types.
      NODE_COMPILE_CACHE: join(root, "cache", "node"),
      ...settings.forService[name],
      ...given,
      OPEN_COWORK_CLOUD_DATABASE_URL: urls[name],
      OPEN_COWORK_CLOUD_OPS_PORT: String(opsPort),
    };
    await progress.step(name, async () => {
      // A service holds little for long: with a small young generation it is some 25 MB smaller.
      const args = ["--max-semi-space-size=4", join(repository, "apps", name, "src/main.ts")];
      await this.#keep(name, async () => this.#spawn(name, args, serviceEnv));
      const host = settings.forService[name]["OPEN_COWORK_CLOUD_OPS_HOST"] ?? "127.0.0.1";
      await this.#becomesReady(name, `http://${host}:${opsPort}/readyz`);
    });
  }

  #spawn(name: PartName, args: string[], env: Record<string, string>): Running {
    return startPart({ name, args, env, logFile: this.#logs[name], registry: this.#registry });
  }

  async #keep(name: PartName, launch: () => Promise<Running>): Promise<Running> {
    const { stopping, progress } = this.#context;
    stopping.signal.throwIfAborted();
    const first = await launch();
    const kept = supervise({
      name,
      first,
      launch,
      logFile: this.#logs[name],
      stopping: stopping.signal,
      say: (line) => progress.note(line),
    });
    this.#running.set(name, kept);
    return first;
  }

  async #becomesReady(name: PartName, url: string): Promise<void> {
    const { stopping } = this.#context;
    const kept = this.#running.get(name)!;
    let refused: string | null = null;
    void kept.running.exited.then(({ code, words }) => {
      if (code !== null && hopelessExits.includes(code)) refused = `refused to start (${words})`;
    });
    const giveUp = () => {
      if (stopping.signal.aborted) return "stopped";
      return refused ?? (kept.crashes >= crashesWhileStarting ? `ended ${kept.crashes} times` : null);
    };
    const problem = await waitUntilReady(url, giveUp, readyMs);
    stopping.signal.throwIfAborted();
    if (problem !== null) {
      const said = lastLines(this.#logs[name], 12).map((line) => `  ${line}`);
      throw new StartRefused([`${name}: ${problem}. Its last lines (all of them: ${this.#logs[name]}):`, ...said]);
    }
  }
}

/** What people open, as the web service will understand it; whether it is acceptable is for that service to say. */
export function planeUrl({ start, forService }: Settings): string {
  const given = forService.web["OPEN_COWORK_CLOUD_PUBLIC_URL"] ?? "";
  return URL.canParse(given) ? new URL(given).origin : `http://127.0.0.1:${start.port}`;
}
