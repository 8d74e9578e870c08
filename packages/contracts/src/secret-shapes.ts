/**
 * What a secret looks like. Telemetry hides these shapes in every log line and secrets/redact.ts in everything an
 * agent says, so that a secret nobody told us about is still not written down. The rooms don't import each other;
 * the shapes are the word they share.
 */
export const tokenPrefixes = {
  signin: "cws_",
  browser: "cwb_",
  worker: "cww_",
  api: "cwa_",
  broker: "cwk_",
} as const;

export type TokenKind = keyof typeof tokenPrefixes;

export const hidden = "[secret]";

const ours = Object.values(tokenPrefixes).join("|");

/**
 * Each keeps what helps a reader (scheme, user, host) and drops what opens a door. Every repetition that may fail
 * after it began is bounded: the text is an agent's, and one long line must not cost quadratic time.
 */
const shapes: ReadonlyArray<readonly [RegExp, string]> = [
  [new RegExp(`(?:${ours})[A-Za-z0-9_-]{20,}`, "g"), hidden],
  // Greedy on purpose: a raw password may hold "/" or "@", and a malformed URL is the one that gets printed.
  [/(postgres(?:ql)?:\/\/[^\s:/?#@]{0,100}):[^\s"'<>]{0,500}@/gi, `$1:${hidden}@`],
  [/([a-z][a-z0-9+.-]{0,20}:\/\/[^\s:/?#@]{0,100}):[^\s/?#@"']{1,500}@/gi, `$1:${hidden}@`],
  [/\b(bearer|basic)\s{1,9}[A-Za-z0-9._~+/=-]{16,}/gi, `$1 ${hidden}`],
  [/-----BEGIN [A-Z ]{0,30}PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]{0,30}PRIVATE KEY-----|$)/g, hidden],
  // Model providers, GitHub, Slack, AWS, and signed web tokens of anyone.
  [/\bsk-[A-Za-z0-9_-]{16,}/g, hidden],
  [/\bgh[pousr]_[A-Za-z0-9]{20,}/g, hidden],
  [/\bgithub_pat_[A-Za-z0-9_]{20,}/g, hidden],
  [/\bxox[abeoprs]-[A-Za-z0-9-]{10,}/g, hidden],
  [/\bAKIA[0-9A-Z]{16}\b/g, hidden],
  [/\beyJ[A-Za-z0-9_-]{8,500}\.eyJ[A-Za-z0-9_-]{8,4000}\.[A-Za-z0-9_-]{8,}/g, hidden],
];

export function hideSecretShapes(text: string): string {
  return shapes.reduce((rest, [shape, replacement]) => rest.replace(shape, replacement), text);
}
