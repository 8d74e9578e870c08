/**
 * What the first stage mounts, as a table for `mount --all`: one process for all of it. Its last line shows the result
 * where the second stage looks for it.
 */
export function sessionMounts(options: {
  folder: string;
  session: string;
  node: string;
  program: string;
  at: string;
}): string {
  const { folder, session, node, program, at } = options;
  return [
    [session, `${folder}/mounts/session`, "bind"],
    // The engine opens files by the names that the model says. A link must not lead it out of the workspace, say to its
    // own configuration, and it must not run what the agent wrote.
    [`${session}/workspace`, `${folder}/mounts/workspace`, "bind,nosymfollow,noexec,nosuid,nodev"],
    [node, `${folder}/mounts/node`, "bind"],
    [program, `${folder}/mounts/program`, "bind"],
    [folder, at, "rbind"],
  ]
    .map(([from = "", to = "", how]) => `${escaped(from)} ${escaped(to)} none ${how} 0 0\n`)
    .join("");
}

const escaped = (path: string) =>
  path.replaceAll(/[\\\s#]/g, (character) => `\\${character.charCodeAt(0).toString(8).padStart(3, "0")}`);
