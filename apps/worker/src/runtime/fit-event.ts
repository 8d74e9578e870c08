import type { RuntimeEvent } from "@open-cowork/contracts/events";

/** A tool's output or a diff may be of any size; one event may not, or no batch could ever carry it. */
export const mostEventBytes = 512 * 1024;
const cuts = [64 * 1024, 8 * 1024, 512] as const;

/** Returns the event as it is, or with its long strings cut and marked. */
export function fitEvent<E extends RuntimeEvent>(event: E): E {
  let fitting: unknown = event;
  for (const cut of cuts) {
    if (bytesOf(fitting) <= mostEventBytes) return fitting as E;
    fitting = shorten(event, cut);
  }
  if (bytesOf(fitting) <= mostEventBytes) return fitting as E;
  // Thousands of entries rather than long ones.
  return shorten(event, cuts.at(-1)!, 100) as E;
}

export function bytesOf(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}

function shorten(value: unknown, cut: number, mostEntries = Infinity): unknown {
  if (typeof value === "string") return value.length > cut ? `${value.slice(0, cut).toWellFormed()}… [cut]` : value;
  if (Array.isArray(value)) return value.slice(0, mostEntries).map((inner) => shorten(inner, cut, mostEntries));
  if (typeof value !== "object" || value === null) return value;
  const entries = Object.entries(value).slice(0, mostEntries);
  return Object.fromEntries(entries.map(([key, inner]) => [key, shorten(inner, cut, mostEntries)]));
}
