/** What a person can put right: printed as they are, one line each, without a stack. */
export class StartRefused extends Error {
  override name = "StartRefused";
  readonly lines: string[];
  readonly exitCode: 1 | 2;

  constructor(lines: string | string[], exitCode: 1 | 2 = 1) {
    const all = typeof lines === "string" ? [lines] : lines;
    super(all.join("\n"));
    this.lines = all;
    this.exitCode = exitCode;
  }
}
