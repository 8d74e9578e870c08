import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { claimRoot, openRoot } from "./root-directory.ts";

let parent: string;
beforeEach(() => {
  parent = mkdtempSync(join(tmpdir(), "cowork root "));
});
afterEach(() => rmSync(parent, { recursive: true, force: true }));

const modeOf = (path: string) => statSync(path).mode & 0o777;
const self = { pid: process.pid, url: "http://127.0.0.1:1" };

describe("the root directory", () => {
  it("is made when it is missing, for its owner alone, and can be opened again", () => {
    const root = openRoot(join(parent, "new", "root"), "/");
    claimRoot(root, self).release();
    expect(modeOf(root)).toBe(0o700);
    chmodSync(root, 0o755);
    claimRoot(openRoot(root, "/"), self).release();
    expect(modeOf(root)).toBe(0o700);
  });

  it("may be an empty one that somebody made", () => {
    expect(openRoot(parent, "/")).toBe(parent);
    mkdirSync(join(parent, "lost+found"));
    expect(openRoot(parent, "/")).toBe(parent);
  });

  it("is left as it is when it holds something else", () => {
    writeFileSync(join(parent, "diary.txt"), "");
    chmodSync(parent, 0o755);
    expect(() => openRoot(parent, "/")).toThrow(/holds something else \(diary.txt\).*OPEN_COWORK_CLOUD_ROOT/);
    expect(modeOf(parent)).toBe(0o755);
  });
});
