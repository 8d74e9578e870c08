import { readdirSync, readFileSync } from "node:fs";

/**
 * Stops a server and all its children where they stand, as a paused machine or a stalled disk would: sockets stay open
 * and nothing answers. Linux only, because each backend is a process group of its own and has to be found in /proc.
 */
export function freezeTree(pid: number): void {
  // The parent first, so that it starts no child meanwhile.
  for (const member of treeOf(pid)) process.kill(member, "SIGSTOP");
  for (const member of treeOf(pid)) process.kill(member, "SIGSTOP");
}

export function thawTree(pid: number): void {
  for (const member of treeOf(pid).toReversed()) process.kill(member, "SIGCONT");
}

/** A process and its descendants, parents before children. */
function treeOf(pid: number): number[] {
  const children = new Map<number, number[]>();
  for (const name of readdirSync("/proc").filter((entry) => /^\d+$/.test(entry))) {
    const parent = parentOf(Number(name));
    if (parent !== undefined) children.set(parent, [...(children.get(parent) ?? []), Number(name)]);
  }
  const tree = [pid];
  for (const member of tree) tree.push(...(children.get(member) ?? []));
  return tree;
}

function parentOf(pid: number): number | undefined {
  try {
    // The command's name may hold anything, so count from its closing bracket.
    const fields = readFileSync(`/proc/${pid}/stat`, "utf8").split(") ").at(-1)!.split(" ");
    return Number(fields[1]);
  } catch {
    return undefined;
  }
}
