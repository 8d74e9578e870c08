import { systemClock } from "@open-cowork/contracts/clock";
import { describe, expect, it } from "vitest";
import { blocksOf, spansOf } from "./markdown-blocks.ts";

const text = (value: string) => ({ kind: "text", text: value });

describe("markdown of an agent", () => {
  it("has paragraphs, headings, lists and fenced code", () => {
    expect(
      blocksOf("# Plan\nFirst line\nsecond\n\n- one\n- two\n  goes on\n\n3. three\n\n```ts\nconst a = 1;\n\n```\nend"),
    ).toEqual([
      { kind: "heading", spans: [text("Plan")] },
      { kind: "paragraph", spans: [text("First line\nsecond")] },
      { kind: "list", ordered: false, start: 1, items: [[text("one")], [text("two\ngoes on")]] },
      { kind: "list", ordered: true, start: 3, items: [[text("three")]] },
      { kind: "code", language: "ts", text: "const a = 1;\n" },
      { kind: "paragraph", spans: [text("end")] },
    ]);
  });

  it("shows a fence that is still open as code, because that is how code streams", () => {
    expect(blocksOf("Look:\n```\nhalf")).toEqual([
      { kind: "paragraph", spans: [text("Look:")] },
      { kind: "code", language: "", text: "half" },
    ]);
  });

  it("ends a fence only with one as long, so that code may contain shorter ones", () => {
    expect(blocksOf("````\n```\n````")).toEqual([{ kind: "code", language: "", text: "```" }]);
  });

  it("knows inline code, bold and emphasis, and leaves what is not closed alone", () => {
    expect(spansOf("a `b` **c** *d* **open and 2 * 3 * 4")).toEqual([
      text("a "),
      { kind: "code", text: "b" },
      text(" "),
      { kind: "bold", text: "c" },
      text(" "),
      { kind: "emphasis", text: "d" },
      text(" **open and 2 * 3 * 4"),
    ]);
  });

  it("keeps markup and links as text", () => {
    const hostile = "<img src=x onerror=alert(1)> [click](javascript:alert(1))";
    expect(blocksOf(hostile)).toEqual([{ kind: "paragraph", spans: [text(hostile)] }]);
  });

  it("lets a heading close itself, and keeps a # that belongs to it", () => {
    const titles = ["## Plan ##", "# C#", "# a # b", "# Plan\r"];
    expect(titles.map((title) => blocksOf(title)[0])).toEqual(
      ["Plan", "C#", "a # b", "Plan"].map((title) => ({ kind: "heading", spans: [text(title)] })),
    );
  });

  const many = 50_000;
  it.each([
    ["a heading of spaces", `# a${" ".repeat(many)}b`],
    ["a heading of marks", `# a${"#".repeat(many)}b`],
    ["a heading of both", `# a${" #".repeat(many)}b`],
    ["a bullet before a line separator", `-${" ".repeat(many)}a\u2028b`],
    ["a number before a line separator", `1.${" ".repeat(many)}a\u2028b`],
    ["emphasis that never ends", "*a".repeat(many)],
    ["code that never ends", "`".repeat(many)],
    ["bold of nothing", "**".repeat(many)],
    ["bullets in a bullet", "- ".repeat(many)],
    ["headings in a heading", "# ".repeat(many)],
    ["a list that goes on", `- a\n${"  b\n".repeat(many)}`],
    ["fences", "```\n".repeat(many)],
  ])("reads %s in linear time", (_, hostile) => {
    const startedMs = systemClock.monotonicMs();
    blocksOf(hostile);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(1_000);
  });
});
