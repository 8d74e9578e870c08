import { fileURLToPath } from "node:url";

/** The room that is built, and what it is built from. Everything else about the build follows from these rows. */
export const roomDir = fileURLToPath(new URL("../..", import.meta.url));
export const outDir = `${roomDir}.build/`;

/** What a browser loads: one script per page that has one, one style sheet, one icon. */
export const browserEntries = {
  styles: "src/styles/main.css",
  home: "src/islands/home.ts",
  session: "src/islands/session.tsx",
  icon: "src/styles/icon.svg",
} as const;

export type AssetName = keyof typeof browserEntries;

/** Node does not run .tsx: the pages become one module that the server imports. */
export const pagesEntry = "src/pages/render.tsx";

/** The newest things we rely on are `light-dark()`, `text-wrap` and nesting. */
export const browserTargets = ["chrome123", "firefox121", "safari17.5"];
