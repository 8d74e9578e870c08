import type { RuntimeEvent } from "@open-cowork/contracts/events";

/**
 * Batches as a runtime makes them, and worse: deltas again, shorter texts, deltas after the end, a message that is known
 * by its parts alone for long. Attempts share the messages and parts of their work, although a runtime takes new ids.
 */
export function eventsOf({ work, attempt }: { work: number; attempt: number }, variant: number): RuntimeEvent[] {
  const message = `msg_${work}`;
  const [one, two] = [`prt_${work}_1`, `prt_${work}_2`];
  const offset = (variant >> 3) & 0x3;
  const batches: RuntimeEvent[][] = [
    [],
    [said.message(message), said.part(message, one, "")],
    [said.delta(message, one, offset, "ab")],
    [said.message(message), said.part(message, one, "abcd", 1)],
    [
      said.message(message),
      said.part(message, two, ""),
      said.delta(message, two, 0, "xy"),
      said.delta(message, two, 2, "z"),
    ],
    [said.part(`${message}_early`, `prt_${work}_${3 + (attempt & 1)}`, "early")],
    [
      said.message(message),
      said.delta(message, two, offset, "xy"),
      said.part(message, two, "xyz", 1),
      said.delta(message, two, 1, "yz"),
    ],
    // Taken back: shorter than what the deltas before it had made of it.
    [said.message(message), said.part(message, two, "x"), ...(offset === 0 ? [said.message(`${message}_early`)] : [])],
  ];
  return batches[variant & 0x7]!;
}

const said = {
  message: (id: string): RuntimeEvent => ({
    type: "message.updated",
    payload: { info: { id, sessionID: "ses_test" } },
  }),
  part: (messageID: string, id: string, text: string, end?: number): RuntimeEvent => ({
    type: "message.part.updated",
    payload: {
      part: { id, messageID, sessionID: "ses_test", type: "text", text, time: { start: 1, ...(end ? { end } : {}) } },
    },
  }),
  delta: (messageID: string, partID: string, offset: number, text: string): RuntimeEvent => ({
    type: "message.part.delta",
    payload: { messageID, partID, field: "text", offset, text },
  }),
};
