import type { ProgramFiles } from "../sandbox/shared-folder.ts";
import { inside } from "../sandbox/layout.ts";
import { engineVersion } from "./binary.ts";

/** What OpenCode calls its own below XDG_DATA_HOME, as the sandbox has it. */
const data = `${inside.state}/data/opencode`;

/**
 * On a cold HOME the first request makes OpenCode npm-install its plugin package (63 MB, and the first SIGTERM is
 * swallowed meanwhile). It skips that when node_modules exists and the lock file already names the package, so three
 * small files keep it away from the network.
 */
export function engineFiles(): ProgramFiles {
  const dependencies = { "@opencode-ai/plugin": engineVersion() };
  const lock = { name: "opencode", lockfileVersion: 3, requires: true, packages: { "": { dependencies } } };
  // Where it puts the whole of an output that was too long for the model, which is then told to look there.
  const outputs = { path: `${data}/tool-output`, writable: false };
  return {
    config: {
      "opencode/package.json": JSON.stringify({ dependencies }),
      "opencode/package-lock.json": JSON.stringify(lock),
      "opencode/node_modules/.keep": "",
      // It writes this one where there is none.
      "opencode/.gitignore": "*\n",
    },
    toolMounts: {
      bash: [outputs],
      rg: [outputs],
      // It keeps its snapshots in a repository of its own, whose work tree is the workspace.
      git: [{ path: `${data}/snapshot`, writable: true }],
    },
  };
}

/**
 * OpenCode keeps snapshots, and so diffs and taking a turn back, only for a git repository with a commit. `logs/HEAD`
 * is written by the first commit, so a repository that a crash left without one is completed. Without git on a machine
 * the agent works all the same, without diffs.
 */
export const prepareWorkspace = `
[ -e .git/logs/HEAD ] && exit 0
command -v git >/dev/null || exit 0
git init --quiet --template= &&
git -c user.name='Open Cowork' -c user.email=plane@open-cowork.invalid commit --quiet --allow-empty --message='Empty workspace'
`;
