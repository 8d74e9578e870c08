import { gzipSync } from "node:zlib";
import { beforeAll, describe, expect, it } from "vitest";
import { buildWeb } from "./build-web.ts";
import { loadBuild, type WebBuild } from "./load-build.ts";
import type { Manifest } from "./manifest.ts";

const kB = 1024;

describe("the build", () => {
  let manifest: Manifest;
  let build: WebBuild;
  beforeAll(async () => {
    ({ manifest } = await buildWeb());
    build = await loadBuild();
  });

  const gzipped = (file: string) => gzipSync(build.assets.get(file)!.bytes, { level: 9 }).byteLength;

  it("keeps the home page's script within 15 kB gzipped", () => {
    expect(gzipped(manifest.assets.home)).toBeLessThanOrEqual(15 * kB);
  });

  it("keeps the session page's script within 60 kB gzipped", () => {
    expect(gzipped(manifest.assets.session)).toBeLessThanOrEqual(60 * kB);
  });

  it("brings no schema library to the browser: the server checks, the page shows", () => {
    const browserFiles = [manifest.assets.home, manifest.assets.session].map((file) =>
      Buffer.from(build.assets.get(file)!.bytes).toString(),
    );
    for (const text of browserFiles) expect(text).not.toContain("ZodError");
  });

  it("names every asset by its content, so that it may be cached for ever", () => {
    for (const file of build.assets.keys()) expect(file).toMatch(/^[a-z]+-[0-9A-Z]{8}\.(js|css|svg)$/);
  });

  it("does nothing when nothing that it reads has changed", async () => {
    expect(await buildWeb()).toEqual({ manifest, built: false });
  });
});
