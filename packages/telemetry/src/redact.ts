import { hidden, hideSecretShapes } from "@open-cowork/contracts/secret-shapes";

/** Names whose value is never printed, at any depth, whatever it holds. */
const secretKey =
  /token(?!s?count|s?total)|authorization|cookie|passw(or)?d|passphrase|credential|secret|api[-_]?key|private[-_]?key/i;

/** A line is for a person at night: longer strings and deeper objects than these are somebody's payload. */
const longest = 8_192;
const deepest = 8;

/** A copy of a parsed log line that is safe to write down: by key, then by the shape of every string in it. */
export function scrub(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return scrubText(value);
  if (typeof value !== "object" || value === null) return value;
  if (depth >= deepest) return "[too deep]";
  if (Array.isArray(value)) return value.map((item) => scrub(item, depth + 1));
  return Object.fromEntries(
    Object.entries(value).map(([key, item]) => [
      hideSecretShapes(key),
      isSecret(key, item) ? hidden : scrub(item, depth + 1),
    ]),
  );
}

function scrubText(text: string): string {
  // Hide first, cut afterwards: half a secret no longer has its shape. What is far beyond the cut isn't looked at.
  const safe = hideSecretShapes(text.slice(0, 2 * longest));
  return safe.length > longest ? `${safe.slice(0, longest)}… (${text.length} characters)` : safe;
}

/** A number under such a name counts something (tokens of a model); anything else may be the thing itself. */
function isSecret(key: string, value: unknown): boolean {
  return secretKey.test(key) && typeof value !== "number" && typeof value !== "boolean" && value !== null;
}
