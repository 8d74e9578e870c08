import { agent, inside } from "./layout.ts";

/**
 * The inner sandbox: for everything that the model commands. It sees the workspace and the host's programs, and has an
 * own /proc, so that the environment of the engine is out of sight, an own network without any way out, so that the
 * engine's port is out of reach, and no user namespaces, so that it can't build anything to climb out with.
 *
 * The program finds its commands by name in `inside.bin`, and each is a small script that enters this sandbox. So is
 * git: a repository's own configuration names commands that git runs, and the agent writes that configuration.
 */
export interface ToolMount {
  /** A folder of the session's state, at the same place inside. */
  path: string;
  writable: boolean;
}

export function toolScript(options: {
  tool: string;
  bubblewrap: string;
  system: string[];
  mounts: readonly ToolMount[];
}): string {
  const { bubblewrap, system, mounts } = options;
  const { program, environment } = tools[options.tool as ToolName];
  const args = [
    ["--unshare-user", "--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"],
    ["--disable-userns", "--die-with-parent", "--hostname", agent.host, "--cap-drop", "ALL"],
    system,
    ["--ro-bind", inside.etc, "/etc"],
    ["--proc", "/proc", "--dev", "/dev"],
    ["--bind", inside.toolWorkspace, inside.workspace],
    ["--bind", `${inside.toolFolders}/tmp`, "/tmp", "--bind", `${inside.toolFolders}/home`, agent.home],
    ...mounts.map(({ path, writable }) => [writable ? "--bind" : "--ro-bind", path, path]),
    ...Object.entries(environment).map(([name, value]) => ["--setenv", name, value]),
    ["--remount-ro", "/"],
  ].flat();
  return [
    "#!/bin/sh",
    // Not bwrap's --clearenv: the first process inside is bwrap's own, and its /proc/1/environ would still show what
    // bwrap was started with.
    `exec /usr/bin/env -i ${[bubblewrap, ...args].map(quoted).join(" ")} \\`,
    // What git was told where to look; nothing else of the engine's environment is passed on.
    ...["GIT_DIR", "GIT_WORK_TREE"].map((name) => `  \${${name}:+--setenv ${name} "$${name}"} \\`),
    `  --chdir "$PWD" -- ${program} "$@"`,
    "",
  ].join("\n");
}

const common = {
  PATH: "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
  LANG: "C.UTF-8",
  TERM: "dumb",
  TMPDIR: "/tmp",
  USER: agent.name,
  LOGNAME: agent.name,
};
const ownHome = { ...common, HOME: agent.home, SHELL: "/bin/bash" };
/** What the engine asks of git must not depend on what the agent writes into its home. */
const noHome = { ...common, HOME: "/nonexistent", GIT_CONFIG_NOSYSTEM: "1", GIT_TERMINAL_PROMPT: "0" };

export const tools = {
  bash: { program: "/bin/bash", environment: ownHome },
  git: { program: "/usr/bin/git", environment: noHome },
  rg: { program: "/usr/bin/rg", environment: ownHome },
} as const;
export type ToolName = keyof typeof tools;

function quoted(word: string): string {
  return /^[\w./:=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`;
}
