import { readFile } from "node:fs/promises";
import { pathToFileURL } from "node:url";
import type { PageAssets, Pages } from "../pages/render.tsx";
import { buildWeb } from "./build-web.ts";
import { encodings } from "./compressed.ts";
import { outDir, type AssetName } from "./plan.ts";

export interface Asset {
  contentType: string;
  bytes: Uint8Array;
  encoded: Array<{ name: string; bytes: Uint8Array }>;
}

/** What the door serves: the pages as functions, the assets by their hashed file name, all in memory. */
export interface WebBuild {
  pages: Pages;
  assets: ReadonlyMap<string, Asset>;
}

const contentTypes: Record<string, string> = {
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
};

export async function loadBuild(): Promise<WebBuild> {
  const { manifest } = await buildWeb();
  const urls = Object.fromEntries(Object.entries(manifest.assets).map(([name, file]) => [name, `/assets/${file}`]));
  const module = (await import(pathToFileURL(outDir + manifest.pages).href)) as typeof import("../pages/render.tsx");
  const assets = await Promise.all(
    Object.values(manifest.assets).map(async (file) => [file, await loadAsset(file)] as const),
  );
  return { pages: module.createPages(urls as Record<AssetName, string> satisfies PageAssets), assets: new Map(assets) };
}

async function loadAsset(file: string): Promise<Asset> {
  const contentType = contentTypes[file.split(".").at(-1)!];
  if (!contentType) throw new Error(`${file} has no content type: add its extension to the table`);
  const encoded = encodings.map(async ({ name, suffix }) => ({ name, bytes: await readFile(outDir + file + suffix) }));
  return { contentType, bytes: await readFile(outDir + file), encoded: await Promise.all(encoded) };
}
