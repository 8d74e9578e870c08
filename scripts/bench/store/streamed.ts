import type { RuntimeEvent } from "@open-cowork/contracts/events";

/** What a turn of five batches of four events holds: a message, one part that streams, and its end. */
export const batchesPerTurn = 5;
export const eventsPerBatch = 4;

const words = "The quick brown fox jumps over the lazy dog. ";

export function turnBatch(turn: string, batch: number): RuntimeEvent[] {
  const [message, part] = [`msg_${turn}`, `prt_${turn}`];
  const streamed = (n: number) => deltaOf(message, part, (batch * eventsPerBatch + n) * words.length);
  if (batch === 0) return [messageOf(message), partOf(message, part, ""), streamed(2), streamed(3)];
  if (batch < batchesPerTurn - 1) return [streamed(0), streamed(1), streamed(2), streamed(3)];
  return [streamed(0), streamed(1), partOf(message, part, words.repeat(16), 2), messageOf(message)];
}

export function messageOf(id: string): RuntimeEvent {
  return { type: "message.updated", payload: { info: { id, sessionID: "ses_bench", role: "assistant" } } };
}

export function partOf(messageID: string, id: string, text: string, end?: number): RuntimeEvent {
  const time = { start: 1, ...(end === undefined ? {} : { end }) };
  return {
    type: "message.part.updated",
    payload: { part: { id, messageID, sessionID: "ses_bench", type: "text", text, time } },
  };
}

export function deltaOf(messageID: string, partID: string, offset: number): RuntimeEvent {
  return { type: "message.part.delta", payload: { messageID, partID, field: "text", offset, text: words } };
}
