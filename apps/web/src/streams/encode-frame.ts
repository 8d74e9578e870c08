import type { Frame } from "./follow.ts";

const utf8 = new TextEncoder();

/** As one server-sent event. JSON has no raw newline, so one `data:` line is enough. */
export function encodeFrame(frame: Frame): Uint8Array {
  const id = frame.cursor ? `id: ${frame.cursor}\n` : "";
  return utf8.encode(`${id}event: ${frame.name}\ndata: ${JSON.stringify(frame.data)}\n\n`);
}
