import { lstat, readlink, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { deadline } from "@open-cowork/contracts/clock";
import { agent, inside } from "./layout.ts";
import type { Sandbox } from "./sandbox.ts";
import { openSessionFolders } from "./session-folders.ts";

const probeMs = 30_000;

/**
 * Starts one sandbox as a session's is started, and has it look around: a kernel, a container or a build of bubblewrap
 * may lack something, and then nothing tells but trying. Null when everything is as it has to be.
 */
export async function attestSandbox(sandbox: Sandbox, workerRoot: string): Promise<string | null> {
  const root = join(workerRoot, "sandbox", "probe");
  const canary = join(workerRoot, "sandbox", "canary");
  await writeFile(canary, "", { mode: 0o644 });
  try {
    const { output, problem } = await look(sandbox, root, canary);
    if (problem !== null) return problem;
    const { uid } = await lstat(join(root, "workspace", "probe-program"));
    return judge(readFacts(output), await ownNamespaces(), uid);
  } finally {
    await rm(root, { recursive: true, force: true });
    await rm(canary, { force: true });
  }
}

async function look(sandbox: Sandbox, root: string, canary: string) {
  const { child, letGo, release } = await sandbox.start({
    folders: await openSessionFolders(root),
    program: "/bin/sh",
    prepare: "true",
    // The name of the canary is in the environment as well, where the inner sandbox must not find it.
    command: () => ({ args: [`${inside.shared}/probe.sh`, "outer", canary], env: { CANARY: canary } }),
    openModelDoor: async (path) => {
      if (path !== null) await writeFile(path, "");
      return { port: 0, close: async () => {} };
    },
  });
  letGo();
  const late = deadline(probeMs, "the sandbox");
  const kill = () => void child.kill("SIGKILL");
  late.addEventListener("abort", kill, { once: true });
  try {
    const [output, said] = await Promise.all([text(child.stdout!), text(child.stderr!)]);
    if (late.aborted) return { output, problem: "it did not start in time" };
    // What it complained about is only of interest when it did not get to the end.
    return { output, problem: output.includes("reached the-end") ? null : lastLine(said) };
  } finally {
    late.removeEventListener("abort", kill);
    await release();
  }
}

const namespaces = ["user", "mnt", "pid", "net", "ipc", "uts"] as const;
const powers = ["CapPrm", "CapEff", "CapBnd", "CapAmb"] as const;

interface Facts {
  outer: Map<string, string>;
  inner: Map<string, string>;
  /** What one of them sees and must not. */
  sees: string[];
}

function readFacts(output: string): Facts {
  const facts: Facts = { outer: new Map(), inner: new Map(), sees: [] };
  for (const line of output.split("\n")) {
    const [, where, name, value = ""] = /^(outer|inner) (\S+) (.*)$/.exec(line) ?? [];
    if (where === undefined || name === undefined) continue;
    if (name === "sees") facts.sees.push(`the ${where} one sees ${value}`);
    else facts[where as "outer" | "inner"].set(name, value);
  }
  return facts;
}

function judge({ outer, inner, sees }: Facts, own: Map<string, string>, uid: number): string | null {
  const problems = [...sees];
  for (const name of namespaces) {
    const [here, there, within] = [own.get(name), outer.get(`ns-${name}`), inner.get(`ns-${name}`)];
    if (!there || !within || there === here || within === here || there === within)
      problems.push(`the ${name} namespace is shared`);
  }
  for (const [where, facts] of Object.entries({ outer, inner })) {
    if (facts.get("Uid") !== agent.uid) problems.push(`the ${where} one runs as uid ${facts.get("Uid")}`);
    if (facts.get("NoNewPrivs") !== "1") problems.push(`the ${where} one may gain privileges`);
    if (powers.some((name) => !/^0+$/.test(facts.get(name) ?? ""))) problems.push(`the ${where} one has capabilities`);
  }
  if (uid === 0) problems.push("it is root outside");
  return problems.length === 0 ? null : `bubblewrap does not confine here: ${problems.join(", ")}`;
}

async function ownNamespaces(): Promise<Map<string, string>> {
  return new Map(
    await Promise.all(namespaces.map(async (name) => [name, await readlink(`/proc/self/ns/${name}`)] as const)),
  );
}

const lastLine = (said: string) => said.trim().split("\n").at(-1)?.trim() || "it said nothing";
