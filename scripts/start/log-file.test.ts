import {
  appendFileSync,
  existsSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cutWhenLarge, lastLines, rotateLog } from "./log-file.ts";

let directory: string;
let file: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "cowork log "));
  file = join(directory, "web.log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

describe("the log of a part", () => {
  it("keeps the run before beside the new one", () => {
    rotateLog(file);
    writeFileSync(file, "before\n");
    rotateLog(file);
    expect(existsSync(file)).toBe(false);
    expect(readFileSync(`${file}.1`, "utf8")).toBe("before\n");
  });

  it("is cut when it grows too large, while its writer goes on", () => {
    const writer = openSync(file, "a");
    writeSync(writer, Buffer.alloc(11 * 1024 * 1024, "x"));
    cutWhenLarge(file);
    writeSync(writer, "after\n");
    expect(readFileSync(file, "utf8")).toBe("after\n");
    expect(statSync(`${file}.1`).size).toBe(11 * 1024 * 1024);
  });

  it("shows its last lines, and none when there is no log", () => {
    expect(lastLines(file, 3)).toEqual([]);
    appendFileSync(file, `${"long ".repeat(5_000)}\none\n\ntwo\nthree\n`);
    expect(lastLines(file, 2)).toEqual(["two", "three"]);
  });
});
