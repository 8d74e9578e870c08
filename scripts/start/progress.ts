import { styleText } from "node:util";
import { systemClock } from "@open-cowork/contracts/clock";

/** Calm lines: a tick, what, how long. Colour only for eyes that can see it. */
export class Progress {
  readonly #colour = process.stdout.isTTY && !process.env["NO_COLOR"];

  async step<T>(what: string, work: () => Promise<T>): Promise<T> {
    const from = systemClock.monotonicMs();
    const result = await work();
    this.line(
      `${this.#paint("green", "✓")} ${what.padEnd(44)} ${this.#paint("dim", seconds(systemClock.monotonicMs() - from))}`,
    );
    return result;
  }

  line(text = ""): void {
    process.stdout.write(`${text}\n`);
  }

  note(text: string): void {
    this.line(`${this.#paint("yellow", "•")} ${text}`);
  }

  strong(text: string): string {
    return this.#paint("bold", text);
  }

  #paint(style: "green" | "dim" | "yellow" | "bold", text: string): string {
    return this.#colour ? styleText(style, text, { validateStream: false }) : text;
  }
}

export function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`;
}
