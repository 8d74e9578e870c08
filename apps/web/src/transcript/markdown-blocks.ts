/**
 * The little markdown that agents write all the time: paragraphs, headings, lists, fenced code; inline code, bold,
 * emphasis. It becomes data, which the page renders as text nodes, so nothing an agent writes is ever markup. A link
 * stays text: where it leads would be the agent's choice.
 */
export type Block =
  | { kind: "paragraph"; spans: Span[] }
  | { kind: "heading"; spans: Span[] }
  | { kind: "list"; ordered: boolean; start: number; items: Span[][] }
  | { kind: "code"; language: string; text: string };

export type Span = { kind: "text" | "code" | "bold" | "emphasis"; text: string };

// The server draws these too, and one line of an agent must not stop it for everyone: each pattern matches greedily to
// the end of its line, so that none of them ever tries a second way.
const fence = /^ {0,3}(`{3,}|~{3,})\s*([\w+#.-]*)/;
const heading = /^#{1,6}\s+(\S.*)/s;
const bullet = /^\s{0,6}[-*+]\s+(.*)/s;
const numbered = /^\s{0,6}(\d{1,6})[.)]\s+(.*)/s;

export function blocksOf(markdown: string): Block[] {
  const lines = markdown.split(/\r?\n/);
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    const fenced = fence.exec(line);
    if (fenced) {
      const from = at + 1;
      // A fence that is still open runs to the end: that is how code looks while it streams.
      at = from;
      while (at < lines.length && !isClosing(lines[at]!, fenced[1]!)) at++;
      blocks.push({ kind: "code", language: fenced[2]!, text: lines.slice(from, at).join("\n") });
      at++;
    } else if (heading.test(line)) {
      blocks.push({ kind: "heading", spans: spansOf(withoutClosing(heading.exec(line)![1]!)) });
      at++;
    } else if (bullet.test(line) || numbered.test(line)) {
      const ordered = !bullet.test(line);
      const start = ordered ? Number(numbered.exec(line)![1]) : 1;
      const items: string[] = [];
      for (; at < lines.length; at++) {
        const item = ordered ? numbered.exec(lines[at]!)?.[2] : bullet.exec(lines[at]!)?.[1];
        if (item !== undefined) items.push(item);
        // An indented line goes on with its item.
        else if (/^\s{2,}\S/.test(lines[at]!) && !fence.test(lines[at]!))
          items.push(`${items.pop()!}\n${lines[at]!.trim()}`);
        else break;
      }
      blocks.push({ kind: "list", ordered, start, items: items.map(spansOf) });
    } else if (line.trim() === "") {
      at++;
    } else {
      const from = at;
      while (at < lines.length && lines[at]!.trim() !== "" && (at === from || !startsBlock(lines[at]!))) at++;
      blocks.push({ kind: "paragraph", spans: spansOf(lines.slice(from, at).join("\n")) });
    }
  }
  return blocks;
}

export function spansOf(text: string): Span[] {
  // Each alternative forbids its own delimiter inside, so a match never backtracks over the rest of the text.
  const marks = /`([^`\n]+)`|\*\*([^*\n]+)\*\*|(?<![\w*])\*([^*\s][^*\n]*)\*(?![\w*])/g;
  const spans: Span[] = [];
  let from = 0;
  for (const mark of text.matchAll(marks)) {
    if (mark.index > from) spans.push({ kind: "text", text: text.slice(from, mark.index) });
    if (mark[1] !== undefined) spans.push({ kind: "code", text: mark[1] });
    else if (mark[2] !== undefined) spans.push({ kind: "bold", text: mark[2] });
    else spans.push({ kind: "emphasis", text: mark[3]! });
    from = mark.index + mark[0].length;
  }
  if (from < text.length) spans.push({ kind: "text", text: text.slice(from) });
  return spans;
}

/** "## Title ##" may close itself; by hand, because a pattern that looks for the end tries every place before it. */
function withoutClosing(title: string): string {
  let end = title.trimEnd().length;
  while (title[end - 1] === "#") end--;
  return end === 0 || /\s/.test(title[end - 1]!) ? title.slice(0, end).trimEnd() : title.trimEnd();
}

function isClosing(line: string, opening: string): boolean {
  const text = line.trim();
  return text.length >= opening.length && text === opening[0]!.repeat(text.length);
}

function startsBlock(line: string): boolean {
  return fence.test(line) || heading.test(line) || bullet.test(line) || numbered.test(line);
}
