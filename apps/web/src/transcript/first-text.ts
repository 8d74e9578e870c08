/** The first that is a text at all: runtime parts are loosely typed, and a page never shows "[object Object]". */
export function firstText(...candidates: unknown[]): string {
  return candidates.find((candidate): candidate is string => typeof candidate === "string" && candidate !== "") ?? "";
}
