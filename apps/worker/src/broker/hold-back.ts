/**
 * Replaces whole words (a key, a path) in a text that arrives in pieces. Bytes wait only while the tail could still
 * become such a word, so a stream stays a stream and is otherwise exact. Used on bytes as latin1, where one character
 * is one byte.
 */
export interface HoldBack {
  push(piece: string): string;
  /** What was held back; call it once, at the end. */
  end(): string;
}

export function holdBack(replacements: ReadonlyMap<string, string>): HoldBack {
  // The longest first, so that a word which begins with another one is taken whole.
  const words = [...replacements.keys()].filter((word) => word !== "").sort((a, b) => b.length - a.length);
  const starts = new Set(words.map((word) => word[0]!));
  let held = "";

  const scan = (text: string, isEnd: boolean): string => {
    let out = "";
    let copied = 0;
    for (let at = 0; at < text.length; at++) {
      if (!starts.has(text[at]!)) continue;
      const rest = text.length - at;
      if (!isEnd && words.some((word) => word.length > rest && word.startsWith(text.slice(at)))) {
        held = text.slice(at);
        return out + text.slice(copied, at);
      }
      const word = words.find((candidate) => text.startsWith(candidate, at));
      if (word === undefined) continue;
      out += text.slice(copied, at) + replacements.get(word)!;
      copied = at + word.length;
      at = copied - 1;
    }
    held = "";
    return out + text.slice(copied);
  };

  return { push: (piece) => scan(held + piece, false), end: () => scan(held, true) };
}
