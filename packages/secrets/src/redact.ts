import { hidden, hideSecretShapes } from "@open-cowork/contracts/secret-shapes";

/** Shorter ones would tear holes into ordinary words, and protect nothing. */
const shortest = 4;
/** The encodings of a short text are too short to mean it. */
const shortestEncoded = 8;

/**
 * Removes the live secrets, also when they were encoded on the way (an Authorization header is base64, a query string
 * percent-encoded, an event JSON), and then whatever merely looks like a secret.
 */
export function redactText(text: string, live: readonly string[]): string {
  // The longest first: a secret may contain another one.
  const forms = [...new Set(live.flatMap(formsOf))].sort((a, b) => b.length - a.length);
  return hideSecretShapes(forms.reduce((rest, form) => rest.replaceAll(form, hidden), text));
}

function formsOf(secret: string): string[] {
  if (secret.length < shortest) return [];
  const plain = [secret, encodeURIComponent(secret), JSON.stringify(secret).slice(1, -1)];
  if (secret.length < shortestEncoded) return plain;
  const bytes = Buffer.from(secret, "utf8");
  const hex = bytes.toString("hex");
  return [...plain, encodeURIComponent(secret).toLowerCase(), hex, hex.toUpperCase(), ...base64Cores(bytes)];
}

/**
 * Base64 packs three bytes into four characters, so the same secret looks different at each of three alignments, and
 * its edge characters also hold bits of its neighbours. These are the characters that depend on the secret alone.
 */
function base64Cores(bytes: Buffer): string[] {
  return [0, 1, 2].flatMap((offset) => {
    const whole = Buffer.concat([Buffer.alloc(offset), bytes]);
    const first = Math.ceil((offset * 8) / 6);
    const end = Math.floor((whole.length * 8) / 6);
    const core = whole.toString("base64").slice(first, end);
    return [core, core.replaceAll("+", "-").replaceAll("/", "_")];
  });
}
