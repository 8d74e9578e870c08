import { within } from "@open-cowork/contracts/clock";
import type { StreamFrameName, StreamFrames } from "@open-cowork/contracts/stream";

export type ReadFrame = {
  [N in StreamFrameName]: { name: N; data: StreamFrames[N]; id: string | null };
}[StreamFrameName];

/** Reads server-sent events one by one; `next` gives null at the end of the stream. */
export interface StreamReader {
  next(): Promise<ReadFrame | null>;
  /** The next frame that is not a beat. */
  nextNews(): Promise<ReadFrame | null>;
  leave(): void;
}

const frameMs = 5_000;

export function readStream(answer: Response): StreamReader {
  const reader = answer.body!.pipeThrough(new TextDecoderStream()).getReader();
  let text = "";
  const next = async (): Promise<ReadFrame | null> => {
    for (;;) {
      const end = text.indexOf("\n\n");
      if (end >= 0) {
        const frame = parseFrame(text.slice(0, end));
        text = text.slice(end + 2);
        return frame;
      }
      const chunk = await within(frameMs, "the stream", reader.read());
      if (chunk.done) return null;
      text += chunk.value;
    }
  };
  return {
    next,
    nextNews: async () => {
      for (;;) {
        const frame = await next();
        if (frame?.name !== "beat") return frame;
      }
    },
    leave: () => void reader.cancel(),
  };
}

function parseFrame(text: string): ReadFrame {
  const field = (name: string) =>
    text
      .split("\n")
      .find((line) => line.startsWith(`${name}: `))
      ?.slice(name.length + 2);
  return { name: field("event"), data: JSON.parse(field("data")!), id: field("id") ?? null } as ReadFrame;
}
