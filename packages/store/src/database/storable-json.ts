/**
 * JSON that jsonb takes. An agent's output can hold NUL characters and halves of surrogate pairs, which are valid in a
 * JavaScript string and refused by Postgres; one such character must not lose a whole batch of events.
 */
export function toStorableJson(value: unknown): string {
  const text = JSON.stringify(value);
  // Both are written as escapes, and hardly ever there: without them the text stands, at a tenth of the price.
  if (!/\\u(?:0000|d[89a-f])/.test(text)) return text;
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "string" ? item.replaceAll("\u0000", "\uFFFD").toWellFormed() : item,
  );
}
