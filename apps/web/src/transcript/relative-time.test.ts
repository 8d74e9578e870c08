import { describe, expect, it } from "vitest";
import { duration, relativeTime } from "./relative-time.ts";

const now = new Date("2026-03-01T12:00:00.000Z");

describe("times that people read", () => {
  it.each([
    ["2026-03-01T11:59:30.000Z", "just now"],
    ["2026-03-01T12:00:05.000Z", "just now"],
    ["2026-03-01T11:57:00.000Z", "3 min ago"],
    ["2026-03-01T07:00:00.000Z", "5 h ago"],
    ["2026-02-26T12:00:00.000Z", "3 d ago"],
    ["2025-12-24T12:00:00.000Z", "2025-12-24"],
  ])("%s is %s", (at, text) => {
    expect(relativeTime(at, now)).toBe(text);
  });

  it.each([
    [850, "850 ms"],
    [12_400, "12 s"],
    [180_000, "3 min"],
    [200_000, "3 min 20 s"],
  ])("%d ms last %s", (ms, text) => {
    expect(duration(ms)).toBe(text);
  });
});
