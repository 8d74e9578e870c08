import { join } from "node:path";
import type { Config } from "@opencode-ai/sdk/v2";
import type { SeenFolders } from "../sandbox/sandbox.ts";
import type { Permissions } from "./permissions.ts";

/** Which model the engine asks for, with a token that dies with the runtime. */
export interface ModelAccess {
  token: string;
  modelId: string;
}

export const providerId = "plane";

function engineConfig(access: ModelAccess, baseURL: string, permission: Permissions): Config {
  const model = `${providerId}/${access.modelId}`;
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
        options: { baseURL, apiKey: access.token },
        models: {
          [access.modelId]: { name: access.modelId, tool_call: true, limit: { context: 128_000, output: 16_384 } },
        },
      },
    },
    permission,
    // What a repository names would be run by the engine itself, beside its password.
    formatter: false,
    lsp: false,
    mcp: {},
  };
}

/**
 * The engine's whole environment. Nothing of the worker's own is passed on: its database URL and provider key are in
 * there, and whatever the engine has, the agent can read.
 */
export function engineEnvironment(options: {
  seen: SeenFolders;
  access: ModelAccess;
  modelPort: number;
  permissions: Permissions;
  password: string;
}): Record<string, string> {
  const { seen, access, modelPort, permissions, password } = options;
  const baseUrl = `http://127.0.0.1:${modelPort}/v1`;
  return {
    PATH: process.env["PATH"] ?? "/usr/local/bin:/usr/bin:/bin",
    LANG: process.env["LANG"] ?? "C.UTF-8",
    TERM: "dumb",
    HOME: seen.home,
    TMPDIR: join(seen.state, "tmp"),
    XDG_CONFIG_HOME: seen.config,
    XDG_CACHE_HOME: join(seen.home, ".cache"),
    XDG_DATA_HOME: join(seen.state, "data"),
    XDG_STATE_HOME: join(seen.state, "state"),
    OPENCODE_DB: join(seen.state, "opencode.db"),
    OPENCODE_SERVER_PASSWORD: password,
    OPENCODE_CONFIG_CONTENT: JSON.stringify(engineConfig(access, baseUrl, permissions)),
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
