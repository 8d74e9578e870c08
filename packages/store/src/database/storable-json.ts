/**
 * JSON that jsonb takes. An agent's output can hold NUL characters and halves of surrogate pairs, in keys as well as in
 * values, which are valid in a JavaScript string and refused by Postgres; one such character must not lose a whole batch
 * of events. Almost nothing holds one, so the text is looked at once and made again only then.
 */
export function toStorableJson(value: unknown): string {
  const text = JSON.stringify(value);
  return unstorable.test(text ?? "") ? JSON.stringify(value, (_key, item: unknown) => storable(item)) : text;
}

/** How JSON.stringify writes them; a backslash before it makes it letters, which costs no more than the second look. */
const unstorable = /\\u(?:0000|d[89a-f])/;

function storable(item: unknown): unknown {
  if (typeof item === "string") return toStorableText(item);
  if (typeof item !== "object" || item === null || Array.isArray(item)) return item;
  return Object.fromEntries(Object.entries(item).map(([key, of]) => [toStorableText(key), of]));
}

function toStorableText(text: string): string {
  return text.replaceAll("\u0000", "\uFFFD").toWellFormed();
}
