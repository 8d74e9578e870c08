import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import type { ProcessIdentity } from "./process-identity.ts";

/** As apps/worker/src/runtime/registry.ts writes it. */
interface Entry {
  pid: number;
  processStartTime: string;
  bootId: string;
}

/**
 * The OpenCode processes that the worker of this root wrote down, alive or not; each leads a group of its own. A worker
 * ends its runtimes, and those of a killed predecessor when it starts: only when no worker will follow are they ours.
 */
export function runtimesOf(root: string): ProcessIdentity[] {
  const directory = join(root, "worker", "runtimes");
  return filesOf(directory).flatMap((file) => {
    try {
      const { pid, processStartTime, bootId } = JSON.parse(
        readFileSync(join(directory, file), "utf8"),
      ) as Partial<Entry>;
      if (!Number.isInteger(pid) || pid! <= 1 || !processStartTime || !bootId) return [];
      return [{ pid: pid!, startTime: processStartTime, machineBootId: bootId }];
    } catch {
      // Removed since, or torn: no evidence of anything.
      return [];
    }
  });
}

function filesOf(directory: string): string[] {
  try {
    return readdirSync(directory).filter((file) => file.endsWith(".json"));
  } catch {
    return [];
  }
}
