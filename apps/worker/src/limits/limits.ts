import { openCgroups } from "./cgroup.ts";
import { watchdog } from "./watchdog.ts";

/**
 * What one runtime may take of this machine. `cgroup`: the kernel refuses more, and nothing gets out of the group.
 * `watchdog`: this process looks every second and ends what took more, which is later and can be outrun. `none`: this
 * machine offers neither.
 */
export interface Limits {
  readonly kind: LimitsKind;
  /** For one runtime, before it starts. */
  open(name: string): Promise<RuntimeGroup>;
}

export type LimitsKind = "cgroup" | "watchdog" | "none";

export interface RuntimeGroup {
  /** For the registry: where the next worker finds what is left in it. */
  readonly folders: readonly string[];
  /** Takes in a process that waits behind its gate; whatever it starts is in as well. */
  enter(pid: number): Promise<void>;
  /** Why a process in it was ended, when that was for its limits. */
  verdict(): string | null;
  /** Ends whatever is left in it. */
  close(): Promise<void>;
}

export interface Allowance {
  memoryBytes: number;
  /** Processes and threads. */
  tasks: number;
}

/** The best that this machine has, and why it is not better. */
export async function chooseLimits(allowance: Allowance): Promise<{ limits: Limits; why: string | null }> {
  if (process.platform !== "linux") return { limits: withoutLimits, why: "there are limits on Linux only" };
  const cgroups = await openCgroups(allowance);
  if (typeof cgroups !== "string") return { limits: cgroups, why: null };
  return { limits: watchdog(allowance), why: cgroups };
}

export const withoutLimits: Limits = {
  kind: "none",
  open: async () => ({ folders: [], enter: async () => {}, verdict: () => null, close: async () => {} }),
};
