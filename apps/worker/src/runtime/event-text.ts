import { redactText } from "@open-cowork/secrets/redact";
import { hidden } from "@open-cowork/contracts/secret-shapes";
import { holdBack, type HoldBack } from "../broker/hold-back.ts";
import type { SeenFolders } from "../sandbox/sandbox.ts";

/**
 * What must not leave with an event: live secrets, whatever looks like one, and paths of this machine.
 */
export interface EventText {
  clean(text: string): string;
  /** Every string of a payload, keys included: OpenCode keys diagnostics by path. */
  cleanAll<T>(payload: T): T;
  /** For text that arrives in pieces; a secret that is split over two pieces is still found. */
  pieces(): HoldBack;
}

/** Where the agent's files are, for whoever reads the events. */
const visibleWorkspace = "/workspace";
const visibleState = "/session";

export function eventText(seen: Pick<SeenFolders, "root" | "workspace">, secrets: readonly string[]): EventText {
  const places = new Map([
    [seen.workspace, visibleWorkspace],
    [seen.root, visibleState],
  ]);
  const words = new Map([...places, ...secrets.map((secret) => [secret, hidden] as const)]);

  const clean = (text: string): string => {
    let rest = redactText(text, secrets);
    for (const [path, shown] of places) rest = rest.replaceAll(path, shown);
    return rest;
  };
  const cleanAll = (value: unknown): unknown => {
    if (typeof value === "string") return clean(value);
    if (Array.isArray(value)) return value.map(cleanAll);
    if (typeof value !== "object" || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [clean(key), cleanAll(inner)]));
  };
  const pieces = (): HoldBack => {
    const held = holdBack(words);
    return { push: (piece) => clean(held.push(piece)), end: () => clean(held.end()) };
  };
  return { clean, cleanAll: cleanAll as EventText["cleanAll"], pieces };
}
