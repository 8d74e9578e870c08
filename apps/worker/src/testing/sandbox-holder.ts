/**
 * A worker's process with nothing but one sandbox, for tests that kill it or start it as somebody else:
 * `node sandbox-holder.ts ROOT SCRIPT`. Says the sandbox's pid, then what the script says.
 */
import { chooseSandbox } from "../sandbox/choose-sandbox.ts";
import { startShell } from "./shell-program.ts";

const [workerRoot = "", script = ""] = process.argv.slice(2);
const chosen = await chooseSandbox({
  wish: "bubblewrap",
  tier: "production",
  workerRoot,
  firstUid: 200_000,
  files: { config: {}, toolMounts: {} },
});
if ("refused" in chosen) throw new Error(chosen.refused);
const { child, pid, release } = await startShell(chosen.sandbox, workerRoot, script);
process.stdout.write(`${pid}\n`);
child.stdout!.pipe(process.stdout, { end: false });
child.stderr!.pipe(process.stderr, { end: false });
child.once("exit", () => void release());
