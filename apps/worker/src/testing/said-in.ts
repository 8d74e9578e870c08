import type { RuntimeEvent } from "@open-cowork/contracts/events";

/** What the assistant said, from the final states of its text parts. */
export function saidIn(events: readonly RuntimeEvent[]): string {
  const texts = new Map<string, string>();
  const assistants = new Set<string>();
  for (const event of events) {
    if (event.type === "message.updated" && event.payload.info["role"] === "assistant")
      assistants.add(event.payload.info.id);
    if (event.type !== "message.part.updated") continue;
    const { part } = event.payload;
    if (part.type === "text" && assistants.has(part.messageID)) texts.set(part.id, String(part["text"]));
  }
  return [...texts.values()].join("");
}
