import type { Readable } from "node:stream";

const mostBytes = 16 * 1024;

/** Keeps the newest output of a process, for the one error line that needs it; a chatty process costs no memory. */
export interface OutputTail {
  text(): string;
  /** Calls `onLine` for each complete line. */
  onLine(listener: (line: string) => void): void;
}

export function captureOutput(streams: Readable[]): OutputTail {
  let kept = "";
  const listeners: Array<(line: string) => void> = [];
  for (const stream of streams) {
    let unfinished = "";
    stream.setEncoding("utf8");
    stream.on("data", (chunk: string) => {
      kept = (kept + chunk).slice(-mostBytes);
      const lines = (unfinished + chunk).split("\n");
      unfinished = (lines.pop() ?? "").slice(-mostBytes);
      for (const line of lines) for (const listener of listeners) listener(line);
    });
    // A broken pipe of a dying process is not this process's error.
    stream.on("error", () => {});
  }
  return { text: () => kept, onLine: (listener) => void listeners.push(listener) };
}
