import { join } from "node:path";
import type { Config } from "@opencode-ai/sdk/v2";
import type { Permissions } from "./permissions.ts";
import type { SessionDirectory } from "./session-directory.ts";

/** Where the engine reaches its model: the worker's broker, with a token that dies with the runtime. */
export interface ModelDoor {
  baseUrl: string;
  token: string;
  modelId: string;
}

export const providerId = "plane";

function engineConfig(door: ModelDoor, permission: Permissions): Config {
  const model = `${providerId}/${door.modelId}`;
  return {
    model,
    small_model: model,
    autoupdate: false,
    share: "disabled",
    enabled_providers: [providerId],
    provider: {
      [providerId]: {
        npm: "@ai-sdk/openai-compatible",
        name: "Open Cowork",
        options: { baseURL: door.baseUrl, apiKey: door.token },
        models: {
          [door.modelId]: { name: door.modelId, tool_call: true, limit: { context: 128_000, output: 16_384 } },
        },
      },
    },
    permission,
  };
}

/**
 * The engine's whole environment. Nothing of the worker's own is passed on: its database URL and provider key are in
 * there, and whatever the engine has, the agent can read.
 */
export function engineEnvironment(options: {
  directory: SessionDirectory;
  door: ModelDoor;
  permissions: Permissions;
  password: string;
}): Record<string, string> {
  const { directory, door, permissions, password } = options;
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: process.env["LANG"] ?? "C.UTF-8",
    TERM: "dumb",
    HOME: directory.home,
    TMPDIR: join(directory.state, "tmp"),
    XDG_CONFIG_HOME: join(directory.home, ".config"),
    XDG_CACHE_HOME: join(directory.home, ".cache"),
    XDG_DATA_HOME: join(directory.state, "data"),
    XDG_STATE_HOME: join(directory.state, "state"),
    OPENCODE_DB: directory.database,
    OPENCODE_SERVER_PASSWORD: password,
    OPENCODE_CONFIG_CONTENT: JSON.stringify(engineConfig(door, permissions)),
    // A repository's own plugins would run inside the server, with its password in reach.
    OPENCODE_PURE: "1",
    OPENCODE_DISABLE_PROJECT_CONFIG: "1",
    OPENCODE_DISABLE_DEFAULT_PLUGINS: "1",
    OPENCODE_DISABLE_AUTOUPDATE: "1",
    OPENCODE_DISABLE_MODELS_FETCH: "1",
    OPENCODE_DISABLE_LSP_DOWNLOAD: "1",
    OPENCODE_CLIENT: "serve",
    // A plain server has no `question` tool, because nobody watches it. Whoever asks for this one has people behind it;
    // where a profile denies it, it is not offered either.
    OPENCODE_ENABLE_QUESTION_TOOL: "1",
  };
}
