/** A seeded bug: what somebody could break with a small, plausible change. */
export interface Mutant {
  /** Says what is broken. */
  bug: string;
  changes: readonly Change[];
  /** Where the tests stand that ought to notice, below src/; they are tried first, and then all others. */
  tests: readonly string[];
}

export interface Change {
  /** Of packages/store. */
  file: string;
  /** Stands there exactly once. */
  find: string;
  put: string;
}

/** The text with the change made. An anchor that is gone, or not the only one, is a mistake in the catalogue. */
export function changed(text: string, { file, find, put }: Change): string {
  const parts = text.split(find);
  if (parts.length !== 2) throw new Error(`${file} has ${parts.length - 1} places that read: ${find}`);
  return parts.join(put);
}
