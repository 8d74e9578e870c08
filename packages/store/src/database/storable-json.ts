/**
 * JSON that jsonb takes. An agent's output can hold NUL characters and halves of surrogate pairs, which are valid in a
 * JavaScript string and refused by Postgres; one such character must not lose a whole batch of events.
 */
export function toStorableJson(value: unknown): string {
  return JSON.stringify(value, (_key, item: unknown) =>
    typeof item === "string" ? item.replaceAll("\u0000", "\uFFFD").toWellFormed() : item,
  );
}
