import { mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { basename, relative } from "node:path";
import { newId } from "@open-cowork/contracts/ids";
import type { BuildOptions, OutputFile } from "esbuild";
import { compressed } from "./compressed.ts";
import { freshManifest, hashInputs, manifestFile, type Manifest } from "./manifest.ts";
import { browserEntries, browserTargets, outDir, pagesEntry, roomDir, type AssetName } from "./plan.ts";

/** Builds what changed since the last time, which is usually nothing: esbuild is then not even loaded. */
export async function buildWeb(): Promise<{ manifest: Manifest; built: boolean }> {
  const fresh = await freshManifest();
  if (fresh) return { manifest: fresh, built: false };

  const esbuild = await import("esbuild");
  try {
    const [browser, server] = await Promise.all([esbuild.build(browserOptions), esbuild.build(serverOptions)]);
    await mkdir(outDir, { recursive: true });
    await Promise.all([...browser.outputFiles, ...server.outputFiles].map(writeOutput));

    const nameOf = (entry: string, outputs: (typeof browser.metafile)["outputs"]) =>
      basename(Object.keys(outputs).find((path) => outputs[path]!.entryPoint === entry)!);
    const assets = Object.fromEntries(
      Object.entries(browserEntries).map(([name, entry]) => [name, nameOf(entry, browser.metafile.outputs)]),
    ) as Record<AssetName, string>;
    const read = [
      ...Object.keys(browser.metafile.inputs),
      ...Object.keys(server.metafile.inputs),
      ...(await buildSources()),
    ];
    const manifest: Manifest = {
      inputs: await hashInputs([...new Set(read)].sort()),
      pages: nameOf(pagesEntry, server.metafile.outputs),
      assets,
    };
    await replaceFile(manifestFile, JSON.stringify(manifest, null, 2));
    await removeOthers(manifest);
    return { manifest, built: true };
  } finally {
    // Its helper process would stay for the life of the service.
    await esbuild.stop();
  }
}

const common = {
  absWorkingDir: roomDir,
  bundle: true,
  format: "esm",
  jsx: "automatic",
  jsxImportSource: "preact",
  legalComments: "none",
  metafile: true,
  outdir: outDir,
  write: false,
} as const satisfies BuildOptions;

const browserOptions = {
  ...common,
  entryPoints: Object.values(browserEntries),
  entryNames: "[name]-[hash]",
  loader: { ".svg": "copy" },
  minify: true,
  target: browserTargets,
} as const satisfies BuildOptions;

const serverOptions = {
  ...common,
  entryPoints: [pagesEntry],
  entryNames: "pages-[hash]",
  outExtension: { ".js": ".mjs" },
  packages: "external",
  platform: "node",
  target: "node24",
} as const satisfies BuildOptions;

/** The build's own sources count as inputs: changed options must not meet an old result. */
async function buildSources(): Promise<string[]> {
  const files = await readdir(new URL(".", import.meta.url));
  return files.filter((file) => file.endsWith(".ts") && !file.includes(".test.")).map((file) => `src/build/${file}`);
}

async function writeOutput(file: OutputFile): Promise<void> {
  await replaceFile(file.path, file.contents);
  const forms = file.path.endsWith(".mjs") ? [] : await compressed(file.contents);
  await Promise.all(forms.map(({ suffix, bytes }) => replaceFile(file.path + suffix, bytes)));
}

/** By rename, so that two services that start together never read half a file. */
async function replaceFile(path: string, content: string | Uint8Array): Promise<void> {
  const temporary = `${path}.${newId()}`;
  await writeFile(temporary, content);
  await rename(temporary, path);
}

async function removeOthers(manifest: Manifest): Promise<void> {
  const kept = [relative(outDir, manifestFile), manifest.pages, ...Object.values(manifest.assets)];
  const old = (await readdir(outDir)).filter((file) => !kept.some((name) => file.startsWith(name)));
  await Promise.all(old.map((file) => rm(outDir + file, { force: true, recursive: true })));
}
