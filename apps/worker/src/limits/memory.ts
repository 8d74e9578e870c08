import { readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * What this worker could still take: what the machine has available, or less where a control group that it is in has a
 * limit. Page cache that can be given up counts as free. Null where the machine does not tell; then nothing is refused for it.
 */
export function freeMemoryMb(): number | null {
  const available = numberIn("/proc/meminfo", /^MemAvailable:\s+(\d+) kB/m);
  if (available === null) return null;
  const left = groups().map(({ folder, limit, usage, cache }) => {
    const most = numberIn(join(folder, limit), /^(\d+)$/m);
    const used = numberIn(join(folder, usage), /^(\d+)$/m);
    if (most === null || used === null) return Infinity;
    return most - used + (numberIn(join(folder, "memory.stat"), cache) ?? 0);
  });
  return Math.min(available * 1024, ...left) / 2 ** 20;
}

function groups() {
  const text = read("/proc/self/cgroup");
  const v1 = /^\d+:(?:[^:]*,)?memory(?:,[^:]*)?:(.*)$/m.exec(text)?.[1];
  const v2 = /^0::(.*)$/m.exec(text)?.[1];
  const found = [];
  if (v1 !== undefined) {
    const [limit, usage] = ["memory.limit_in_bytes", "memory.usage_in_bytes"];
    found.push({ folder: join("/sys/fs/cgroup/memory", v1), limit, usage, cache: /^total_inactive_file (\d+)/m });
  }
  if (v2 !== undefined) {
    const [limit, usage] = ["memory.max", "memory.current"];
    found.push({ folder: join("/sys/fs/cgroup", v2), limit, usage, cache: /^inactive_file (\d+)/m });
  }
  return found;
}

function numberIn(path: string, pattern: RegExp): number | null {
  const found = pattern.exec(read(path))?.[1];
  return found === undefined ? null : Number(found);
}

function read(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
