import { readFile, readdir } from "node:fs/promises";

/** Every process of the machine that has this word in its command line. */
export async function processesWith(word: string): Promise<number[]> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name)).map(Number);
  const lines = await Promise.all(
    pids.map(async (pid) => ({ pid, line: await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "") })),
  );
  return lines.filter(({ pid, line }) => pid !== process.pid && line.includes(word)).map(({ pid }) => pid);
}

/** A process and all that it and its children have started, nearest first. */
export async function familyOf(root: number): Promise<Array<{ pid: number; name: string }>> {
  const all = await Promise.all(
    (await readdir("/proc"))
      .filter((name) => /^\d+$/.test(name))
      .map(async (pid) => {
        const stat = await readFile(`/proc/${pid}/stat`, "utf8").catch(() => "");
        const [, name = "", parent = ""] = /\((.*)\) \S (\d+)/s.exec(stat) ?? [];
        return { pid: Number(pid), name, parent: Number(parent) };
      }),
  );
  const family = all.filter(({ pid }) => pid === root);
  for (const member of family) family.push(...all.filter(({ parent }) => parent === member.pid));
  return family.map(({ pid, name }) => ({ pid, name }));
}
