import { spawnSync } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

export type Need = "chromium" | "bubblewrap" | "root" | "docker" | "strace" | "promtool";

export type Found =
  /** `path` is empty for what is not a program. */
  { have: true; path: string } | { have: false; reason: string };

const found = new Map<Need, Found>();

/**
 * What the machine offers. A test that lacks something skips itself with the reason, so that the report shows it:
 *
 *     const bwrap = needs("bubblewrap");
 *     if (!bwrap.have) return context.skip(bwrap.reason);
 *
 * Where skips are forbidden (TEST_FORBID_SKIPS=1, as in CI) a missing thing is an error.
 */
export function needs(thing: Need): Found {
  const known = found.get(thing) ?? look[thing]();
  found.set(thing, known);
  if (!known.have && process.env["TEST_FORBID_SKIPS"] === "1") {
    throw new Error(`${known.reason}, and TEST_FORBID_SKIPS=1 forbids to skip what needs it`);
  }
  return known;
}

const look: Record<Need, () => Found> = {
  chromium: () =>
    firstOf(["/usr/bin/chromium", "chromium", "chromium-browser", "google-chrome"], "chromium is not installed"),
  // Present is not enough: many containers forbid the namespaces it is made of.
  bubblewrap: () =>
    thatRuns(
      firstOf(["bwrap"], "bubblewrap (bwrap) is not installed"),
      ["--ro-bind", "/", "/", "--unshare-user", "--unshare-pid", "true"],
      "bubblewrap may not make namespaces here",
    ),
  root: () =>
    process.getuid?.() === 0 ? { have: true, path: "" } : { have: false, reason: "this is not the root user" },
  docker: () =>
    thatRuns(
      firstOf(["docker"], "docker is not installed"),
      ["version", "--format", "{{.Server.Version}}"],
      "no docker engine answers",
    ),
  strace: () => firstOf(["strace"], "strace is not installed"),
  promtool: () => firstOf(["promtool"], "promtool is not installed"),
};

function firstOf(names: string[], otherwise: string): Found {
  const directories = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = names.flatMap((name) =>
    name.startsWith("/") ? [name] : directories.map((dir) => join(dir, name)),
  );
  const path = candidates.find(isExecutable);
  return path === undefined ? { have: false, reason: otherwise } : { have: true, path };
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

function thatRuns(program: Found, args: string[], otherwise: string): Found {
  if (!program.have) return program;
  const tried = spawnSync(program.path, args, { timeout: 10_000 });
  return tried.status === 0 ? program : { have: false, reason: otherwise };
}
