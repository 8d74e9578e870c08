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

  it("reads hostile lengths in linear time", () => {
    const hostile = `${"*a".repeat(20_000)}${"`".repeat(20_000)}${"**".repeat(20_000)}\n${"- ".repeat(20_000)}\n${"# ".repeat(20_000)}`;
    const startedMs = systemClock.monotonicMs();
    blocksOf(hostile);
    expect(systemClock.monotonicMs() - startedMs).toBeLessThan(1_000);
  });
});
