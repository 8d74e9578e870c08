import type { RuntimeEvent } from "@open-cowork/contracts/events";

/**
 * The two events as one, when the second goes on where the first ended; null otherwise. Only neighbours are merged: an
 * event in between may be the part's final state.
 */
export function mergeDeltas(first: RuntimeEvent | undefined, second: RuntimeEvent): RuntimeEvent | null {
  if (first?.type !== "message.part.delta" || second.type !== "message.part.delta") return null;
  const [a, b] = [first.payload, second.payload];
  if (a.partID !== b.partID || a.messageID !== b.messageID || a.offset + a.text.length !== b.offset) return null;
  return { type: first.type, payload: { ...a, text: a.text + b.text } };
}
