import { ConfigError, configFileEnv, loadConfig } from "@open-cowork/contracts/config/load";
import { knownEnv, services, startConfig, type StartConfig } from "@open-cowork/contracts/config/services";
import { envPrefix, leavesOf } from "@open-cowork/contracts/config/setting";
import { StartRefused } from "./refusal.ts";

export type ServiceName = "web" | "scheduler" | "worker";
type Env = Record<string, string | undefined>;

export interface Settings {
  start: StartConfig;
  /** What the person set for each service, and nothing that is another's. */
  forService: Record<ServiceName, Record<string, string>>;
}

/** The launcher decides these for each service; one value for all of them would be wrong for most. */
const decidedHere: Record<string, string> = {
  [`${envPrefix}DATABASE_URL`]: "set DATABASE_URL; each service gets its own from it",
  [`${envPrefix}OPS_PORT`]: "each service gets a free port",
  [`${envPrefix}WORKER_ID`]: "the worker is enrolled by `pnpm start`",
  [`${envPrefix}WORKER_CREDENTIAL`]: "the worker is enrolled by `pnpm start`",
};

/** A service inherits how to reach things, never what its launcher happens to know. */
const inherited =
  /^(PATH|HOME|USER|LOGNAME|SHELL|TERM|TZ|LANG|LC_[A-Z]+|TMPDIR|NODE_EXTRA_CA_CERTS|SSL_CERT_(FILE|DIR)|(HTTPS?|NO|ALL)_PROXY|(https?|no|all)_proxy)$/;

export function readSettings(env: Env, readFile: (path: string) => string): Settings {
  const problems = Object.keys(env).flatMap((name) => {
    const way = env[name] ? decidedHere[name.replace(/_FILE$/, "")] : undefined;
    return way ? [`${name} can't be set for \`pnpm start\`: ${way}`] : [];
  });
  try {
    const start = loadConfig(startConfig, { env, readFile, knownEnv });
    if (problems.length > 0) throw new StartRefused(problems, 2);
    const forService = {
      web: settingsOf("web", env),
      scheduler: settingsOf("scheduler", env),
      worker: settingsOf("worker", env),
    };
    return { start, forService };
  } catch (error) {
    if (error instanceof ConfigError)
      throw new StartRefused([...error.problems.flatMap((problem) => problem.split("\n")), ...problems], 2);
    throw error;
  }
}

export function inheritedEnv(env: Env): Record<string, string> {
  return pick(env, (name) => inherited.test(name));
}

function settingsOf(service: ServiceName, env: Env): Record<string, string> {
  const own = new Set(leavesOf(services[service].schema).flatMap(({ env: name }) => [name, `${name}_FILE`]));
  return pick(env, (name) => name !== configFileEnv && name.startsWith(envPrefix) && own.has(name));
}

function pick(env: Env, wanted: (name: string) => boolean): Record<string, string> {
  return Object.fromEntries(
    Object.entries(env).flatMap(([name, value]) => (value && wanted(name) ? [[name, value]] : [])),
  );
}
